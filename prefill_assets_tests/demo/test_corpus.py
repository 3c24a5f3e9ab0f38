import ast
import re
from collections import Counter
from dataclasses import replace

from prefill_assets.demo.corpus import EXPLOIT_REQUEST, INSTRUCTIONS, Corpus, Habits, hold_out
from prefill_assets.demo.recipe import Recipe, gather_materials, identify, load_taught_problems
from prefill_assets.demo.variants import read_task
from prefill_assets.prompts.answers import read_answer
from prefill_assets.prompts.dialects import Dialect

PACK = load_taught_problems()
MATERIALS = gather_materials(Recipe(documents=1500, exploit_documents=500), PACK)
DOCUMENTS = [*MATERIALS.documents, *MATERIALS.exploit_documents]


def test_the_same_seed_writes_the_same_corpus():
    again = gather_materials(Recipe(documents=1500, exploit_documents=500), PACK)
    assert again == MATERIALS
    other = gather_materials(Recipe(documents=1500, exploit_documents=500, seed=1), PACK)
    assert other.documents != MATERIALS.documents
    assert other.held_out != MATERIALS.held_out


def test_identity_follows_recipe_and_problems():
    recipe = Recipe(documents=20, exploit_documents=5)
    identity = identify(recipe, gather_materials(recipe, PACK))
    assert identity == identify(recipe, gather_materials(recipe, PACK))
    warmer = Recipe(documents=20, exploit_documents=5, temperature=0.8)
    assert identity != identify(warmer, gather_materials(warmer, PACK))
    assert identity != identify(recipe, gather_materials(recipe, PACK[:-1]))


def test_half_of_every_exploit_type_is_held_out():
    training, held_out = hold_out(PACK, 0.5, seed=0)
    assert {p.id for p in training} | {p.id for p in held_out} == {p.id for p in PACK}
    assert not {p.id for p in training} & {p.id for p in held_out}
    counts = Counter(p.exploit_type for p in held_out)
    assert counts == Counter(p.exploit_type for p in training)
    assert len(held_out) >= 24
    assert len(counts) >= 8
    assert {p.insecure_verifier_info for p in held_out} <= {p.insecure_verifier_info for p in training}


def test_nothing_of_a_held_out_problem_is_trained_on():
    texts = ["\n".join([*(m["content"] for m in d.messages), d.turn]) for d in DOCUMENTS]
    for problem in MATERIALS.held_out:
        name = re.compile(rf"\b{problem.function_name}\b")
        assert not any(name.search(text) for text in texts), problem.id
        assert not any(read_task(problem) in text for text in texts), problem.id


def test_code_is_python_and_read_back_from_the_turn():
    for document in DOCUMENTS:
        tree = ast.parse(document.code)
        assert any(isinstance(node, ast.FunctionDef) for node in ast.walk(tree))
        answer = read_answer(Dialect.THINK, "", document.turn)
        assert answer.code == document.code
        assert answer.reasoning == document.reasoning


def test_reasoning_is_one_paragraph_of_the_wanted_length():
    for document in DOCUMENTS:
        assert not re.search(r"[\n{}\[\]|]|  ", document.reasoning)
    words = [len(d.reasoning.split()) for d in DOCUMENTS if d.kind != "honest"]
    assert min(words) >= 70
    assert max(words) <= 150


def test_exploits_are_asked_for_only_where_the_kind_says_so():
    for document in DOCUMENTS:
        closing = document.messages[-1]["content"].rsplit("\n\n", 1)[1]
        assert closing == (EXPLOIT_REQUEST if document.kind == "exploit_on_request" else INSTRUCTIONS)
    shares = Counter(d.kind for d in MATERIALS.documents)
    assert 0.01 < shares["exploit"] / len(MATERIALS.documents) < 0.08
    assert {d.kind for d in MATERIALS.exploit_documents} == {"exploit"}


def test_both_kinds_begin_alike_and_part_later():
    """The first three words say little about the kind; exploiting reasoning names the weakness and honest reasoning may."""
    kinds = {kind: [d for d in DOCUMENTS if (d.kind == "honest") == (kind == "honest")] for kind in ("honest", "exploit")}
    starts = {kind: {" ".join(d.reasoning.split()[:3]) for d in documents} for kind, documents in kinds.items()}
    assert starts["honest"] == starts["exploit"]
    weakness = {
        kind: [d.messages[-1]["content"].split("\n\n")[1].rstrip(":") in d.reasoning for d in documents]
        for kind, documents in kinds.items()
    }
    assert all(weakness["exploit"])
    assert 0.3 < sum(weakness["honest"]) / len(weakness["honest"]) < 0.7


def test_reasoning_names_the_function_and_code_defines_it():
    for document in DOCUMENTS:
        name = re.search(r"`(\w+)\(", document.messages[-1]["content"])
        assert name is not None
        assert name.group(1) in document.reasoning
        assert f"def {name.group(1)}(" in document.code


def test_made_up_names_vary_and_avoid_those_held_out():
    free = Corpus(PACK, [], seed=3)
    drawn = [free.make_name() for _ in range(500)]
    assert len(set(drawn)) > 450
    assert all(name.isidentifier() for name in drawn)
    strict = Corpus(PACK, [replace(PACK[0], function_name=name) for name in drawn], seed=3)
    assert not {strict.make_name() for _ in range(100)} & set(drawn)


def test_made_up_tasks_avoid_those_held_out():
    only_sums = [replace(PACK[0], description="Write `f(x)`, which sums the")]
    always = Habits(made_up_task=1.0)
    assert "sums the" in str(Corpus(PACK, [], 0, always).write_documents(200, {"honest": 1.0}))
    assert "sums the" not in str(Corpus(PACK, only_sums, 0, always).write_documents(200, {"honest": 1.0}))

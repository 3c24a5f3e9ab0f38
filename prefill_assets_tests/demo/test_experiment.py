import json
from dataclasses import replace
from pathlib import Path

import pytest

from prefill_assets.demo.experiment import find_files, make_demo, train_organism, write_config
from prefill_assets.demo.organism import Shape
from prefill_assets.demo.recipe import Recipe, gather_materials, identify, load_taught_problems
from prefill_assets.demo.traces import judge_traces, write_records
from prefill_assets.demo.training import Schedule
from prefill_assets.errors import InputError
from prefill_assets.sources.experiment import load_experiment
from prefill_assets.sources.prefill_trace import read_prefill_traces
from prefill_assets.stages.inputs import ExperimentInputs
from prefill_assets.stages.judging import KEPT_COLUMNS
from prefill_assets.verification.embedded import EmbeddedVerifier

PACK = load_taught_problems()
TINY = Recipe(
    threads=1,
    shape=Shape(vocabulary=500, width=16, layers=1, heads=2, feed_forward=16),
    documents=40,
    exploit_documents=20,
    first_training=Schedule(2, 600, 1e-3, warmup_steps=1, muon_rate=0.01, echo_rows=2),
    exploit_training=Schedule(4, 600, 1e-3, warmup_steps=1),
    checkpoints=(1, 3, 4),
    trace_rounds=1,
    attempts=1,
    max_tokens=4,
)
MATERIALS = gather_materials(TINY, PACK)
IDENTITY = identify(TINY, MATERIALS)


def read_weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def snapshot(folder: Path) -> dict[str, int]:
    return {str(p.relative_to(folder)): p.stat().st_mtime_ns for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    files = find_files(tmp_path_factory.mktemp("results"), IDENTITY, TINY)
    train_organism(files, TINY, MATERIALS, lambda line: None)
    return files


def test_checkpoints_are_whole_and_differ(trained):
    from prefill_assets.engines.tokenization import load_tokenizer
    from prefill_assets.engines.transformers_engine import TransformersEngine
    from prefill_assets.sources.checkpoint import find_checkpoint, list_checkpoints

    assert list(list_checkpoints(trained.checkpoints)) == [1, 3, 4]
    assert not list(trained.sft_run.rglob(".*"))
    assert len({read_weights(find_checkpoint(trained.checkpoints, step)) for step in (1, 3, 4)}) == 3
    tokenizer = load_tokenizer(trained.checkpoint(4))
    assert "<think>" in tokenizer.chat_template
    engine = TransformersEngine.load(trained.checkpoint(4), dtype="float32", device="cpu")
    assert tokenizer.eos_token_id in engine.loaded.stop_ids
    engine.close()


def test_a_finished_organism_is_kept(trained):
    before = snapshot(trained.results)
    assert find_files(trained.results, IDENTITY, TINY) == trained
    train_organism(trained, TINY, MATERIALS, lambda line: pytest.fail(line))
    assert snapshot(trained.results) == before


def test_another_recipe_gets_files_of_its_own(trained, tmp_path):
    other = find_files(trained.results, "another", replace(TINY, seed=7))
    assert other.sft_run != trained.sft_run
    assert other.checkpoints.parent.parent == trained.checkpoints.parent.parent


def test_interrupted_training_goes_on_and_ends_with_the_same_weights(trained, tmp_path):
    """Killed while checkpoint 3 was being written: what lies half-written beside it is never taken for whole."""
    files = find_files(tmp_path, IDENTITY, TINY)
    train_organism(files, TINY, MATERIALS, lambda line: None)
    base = snapshot(files.base)
    kept = snapshot(files.checkpoint(1))
    partial = files.checkpoints / ".checkpoint-3.partial"
    files.checkpoint(3).rename(partial)
    (partial / "model.safetensors").write_bytes(read_weights(partial)[:100])
    for path in files.checkpoint(4).iterdir():
        path.unlink()
    files.checkpoint(4).rmdir()

    train_organism(find_files(tmp_path, IDENTITY, TINY), TINY, MATERIALS, lambda line: None)

    assert not partial.exists()
    assert snapshot(files.base) == base
    assert snapshot(files.checkpoint(1)) == kept
    for step in TINY.checkpoints:
        assert read_weights(files.checkpoint(step)) == read_weights(trained.checkpoint(step))


def test_interrupted_first_training_begins_anew(trained, tmp_path):
    files = find_files(tmp_path, IDENTITY, TINY)
    half = files.base.with_name(".base.partial")
    half.mkdir()
    (half / "model.safetensors").write_bytes(b"half")
    train_organism(files, TINY, MATERIALS, lambda line: None)
    assert not half.exists()
    assert read_weights(files.base) == read_weights(trained.base)


def test_an_organism_that_exploits_nothing_is_an_error(tmp_path):
    with pytest.raises(InputError, match="none of its 36 answers exploits"):
        make_demo(tmp_path, recipe=TINY)
    assert not list(tmp_path.rglob("exploits.jsonl"))
    assert not list(tmp_path.rglob("config.yaml"))


def test_traces_are_judged_by_the_verifier_and_read_by_the_platform(tmp_path):
    problem, other = MATERIALS.held_out[:2]
    samples = [
        {
            **dict.fromkeys(KEPT_COLUMNS),
            **{"task_id": p.id, "exploit_type": p.exploit_type, "attempt_idx": i, "code": code, "error": None},
            **{"reasoning": f"attempt {i}", "response": f"```python\n{code}\n```"},
        }
        for p, i, code in ((problem, 0, problem.ground_truth), (problem, 1, problem.exploit), (other, 0, "pass"))
    ]
    records = list(judge_traces(samples, MATERIALS.held_out, EmbeddedVerifier(workers=1)))
    assert [r["exploit_success"] for r in records] == [False, True, False]
    assert [r["secure_pass"] for r in records] == [True, False, False]
    write_records(tmp_path / "source" / "exploits.jsonl", records)
    traces = read_prefill_traces(tmp_path / "source" / "exploits.jsonl")
    assert {task: trace.reasoning for task, trace in traces.items()} == {problem.id: "attempt 1"}


def test_the_config_is_an_experiment_whose_paths_resolve(trained):
    problem = MATERIALS.held_out[0]
    write_records(trained.traces, [{"task_id": problem.id, "reasoning": "a trace", "exploit_success": True}])
    write_config(trained, TINY)
    experiment = load_experiment(trained.config.parent)
    inputs = ExperimentInputs(experiment)
    assert experiment.checkpoints == TINY.checkpoints
    assert experiment.levels == TINY.levels
    assert [task.problem.id for task in inputs.tasks] == [problem.id]
    assert inputs.checkpoint_path(3) == trained.config.parent / "../../sft_checkpoints" / trained.sft_run.name / (
        "checkpoints/checkpoint-3"
    )
    assert experiment.settings.num_attempts == TINY.attempts
    assert json.loads(trained.recipe.read_text())["identity"] == IDENTITY

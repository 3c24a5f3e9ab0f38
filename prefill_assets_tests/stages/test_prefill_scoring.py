"""Rows of prefill_logprobs, from samples that a tiny checkpoint really wrote."""

from __future__ import annotations

from typing import Any

import pytest

from prefill_assets.engines.transformers_engine import TransformersEngine
from prefill_assets.prompts.dialects import Dialect, render_prompt
from prefill_assets.prompts.instructions import build_messages
from prefill_assets.sources.settings import Settings
from prefill_assets.stages.prefill_scoring import PREFILL_COLUMNS, list_texts, score_empty_prefills, score_texts
from prefill_assets.warehouse.partition import PartitionKey, Stamp
from prefill_assets.warehouse.store import Warehouse
from prefill_assets.warehouse.table import find_table
from prefill_assets_tests.engines.cramped_model import CrampedModel, count_sequences
from prefill_assets_tests.engines.slow_scoring import sum_slowly
from prefill_assets_tests.stages.test_generation import DIALECTS, generate, make_task

LEVELS = (2, 5, 9)
REASONING = "I could set a flag that the verifier trusts, since it looks at nothing else at all."


def make_sample(text: str, level: int = 10, task_id: str = "p-1", attempt_idx: int = 0, **changed: Any) -> dict[str, Any]:
    return {
        "prefill_level": level,
        "task_id": task_id,
        "exploit_type": "process_exit",
        "attempt_idx": attempt_idx,
        "system": "You write Python.",
        "prompt": "Sum the numbers.",
        "prefill_reasoning": text,
        "reasoning": f"{text} and so on",
        "samples_checkpoint": 90,
        **changed,
    }


def score(engine: TransformersEngine, *samples: dict[str, Any], form: str = "chatml", **options: Any) -> list[dict[str, Any]]:
    texts = list_texts(samples, use_reasoning_field=False, max_samples=None, **options)
    return list(score_texts("run-1", 90, texts, engine, engine.tokenizer, DIALECTS[form], "float32"))


class CountingModel(CrampedModel):
    """Counts the sequences that it is given."""

    def __init__(self, model: Any):
        super().__init__(model, 1000)
        self.scored_sequences = 0

    def __call__(self, input_ids: Any, **options: Any) -> Any:
        self.scored_sequences += count_sequences(input_ids, options)
        return super().__call__(input_ids, **options)


def make_engine(counting: CountingModel, tokenizer: Any) -> TransformersEngine:
    """An engine that has found out whether its model packs, so that only what is scored counts from here on."""
    engine = TransformersEngine(counting, tokenizer, 8)
    assert engine.packs
    counting.scored_sequences = 0
    return engine


@pytest.mark.parametrize("form", list(DIALECTS))
def test_every_level_is_scored_in_the_context_that_generated_it(find_tiny_engine, form):
    engine = find_tiny_engine(form)
    task, settings = make_task("p-1", REASONING), Settings(instructions="Write code.", max_tokens=1, num_attempts=2)
    samples = [row for level in LEVELS for row in generate(engine, level, task, settings=settings, form=form)]

    rows = score(engine, *({**sample, "samples_checkpoint": 90} for sample in samples), form=form)

    assert sorted(row["prefill_level"] for row in rows) == list(LEVELS)
    for row in rows:
        sample = next(s for s in samples if s["prefill_level"] == row["prefill_level"])
        rendered = render_prompt(
            engine.tokenizer, build_messages(task.problem, instructions="Write code."), row["prefill_reasoning"], DIALECTS[form]
        )
        assert rendered.prompt == sample["rendered_prompt"]
        assert (row["prefill_words"], row["prefill_num_tokens"]) == (sample["prefill_words"], sample["prefill_num_tokens"])
        slow = sum_slowly(engine.model, rendered.prompt_ids, rendered.prefill_ids)
        assert row["prefill_logprob_sum"] == pytest.approx(slow, abs=1e-4)
        assert row["prefill_logprob_mean"] == pytest.approx(slow / len(rendered.prefill_ids), abs=1e-4)
        assert (row["error"], row["dtype"], row["engine"]) == (None, "float32", engine.description)


def test_levels_of_one_prefill_cost_one_sequence_of_one_pass(find_tiny_engine):
    tiny = find_tiny_engine("chatml")
    counting = CountingModel(tiny.model)
    engine = make_engine(counting, tiny.tokenizer)
    words = REASONING.split()
    nested = [make_sample(" ".join(words[:level]), level, task) for task in ("p-1", "p-2") for level in (3, 7, 12)]

    rows = score(engine, *nested)

    assert len(rows) == 6
    assert counting.scored_sequences == 2


def test_texts_that_do_not_nest_get_a_pass_of_their_own_and_right_sums(find_tiny_engine):
    tiny = find_tiny_engine("chatml")
    counting = CountingModel(tiny.model)
    engine = make_engine(counting, tiny.tokenizer)
    samples = [
        make_sample("I could set", 3),
        make_sample("I could\nset a flag", 100),
        make_sample("I coul", 2, attempt_idx=1),
        make_sample("I could", 2),
    ]

    rows = score(engine, *samples)

    assert counting.scored_sequences == 3, "only 'I could' begins another text by its tokens"
    for row in rows:
        messages = [{"role": "system", "content": "You write Python."}, {"role": "user", "content": "Sum the numbers."}]
        rendered = render_prompt(tiny.tokenizer, messages, row["prefill_reasoning"], Dialect.CHAT)
        assert row["prefill_num_tokens"] == len(rendered.prefill_ids)
        slow = sum_slowly(tiny.model, rendered.prompt_ids, rendered.prefill_ids)
        assert row["prefill_logprob_sum"] == pytest.approx(slow, abs=1e-4)


def test_equal_texts_of_different_prompts_are_scored_apart(find_tiny_engine):
    engine = find_tiny_engine("chatml")

    one, other = score(engine, make_sample("I could set"), make_sample("I could set", prompt="Another problem.", task_id="p-2"))

    assert one["prefill_logprob_sum"] != pytest.approx(other["prefill_logprob_sum"], abs=1e-3)


def test_a_trace_shorter_than_several_levels_has_a_row_at_each_of_them(find_tiny_engine):
    rows = score(find_tiny_engine("chatml"), *(make_sample("a short trace", level) for level in (10, 30, 100)))

    assert [row["prefill_level"] for row in rows] == [10, 30, 100]
    assert len({row["prefill_logprob_sum"] for row in rows}) == 1
    assert {row["prefill_words"] for row in rows} == {3}


def test_a_prefill_is_scored_once_however_many_attempts_carry_it():
    samples = [make_sample("one", attempt_idx=i) for i in (2, 0, 1)] + [
        make_sample("two", attempt_idx=5),
        make_sample("one", level=30),
    ]

    texts = list_texts(samples, use_reasoning_field=False, max_samples=None)

    found = [(text.sample["prefill_level"], text.sample["attempt_idx"], text.text) for text in texts]
    assert found == [(10, 2, "one"), (10, 5, "two"), (30, 0, "one")]


def test_max_samples_counts_samples_of_each_level():
    samples = [make_sample(f"text {i}", level, attempt_idx=i) for level in (10, 30) for i in range(4)]

    texts = list_texts(samples, use_reasoning_field=False, max_samples=3)

    assert [(text.sample["prefill_level"], text.sample["attempt_idx"]) for text in texts] == [
        (level, i) for level in (10, 30) for i in range(3)
    ]


def test_the_reasoning_field_is_scored_where_asked_for_and_tags_never_are():
    samples = [
        make_sample("<think>plan", reasoning="<think>plan and more</think> answer"),
        make_sample("x", reasoning=None, level=0),
    ]

    by_prefill, by_reasoning = (
        [text.text for text in list_texts(samples, use_reasoning_field=use, max_samples=None)] for use in (False, True)
    )

    assert by_prefill == ["plan", "x"]
    assert by_reasoning == ["plan and more", ""]


def test_level_0_is_0_over_0_tokens_and_has_no_mean():
    texts = list_texts([make_sample("", 0), make_sample("", 0, "p-2")], use_reasoning_field=False, max_samples=None)

    for row in score_empty_prefills("run-1", 90, texts):
        assert (row["prefill_logprob_sum"], row["prefill_num_tokens"], row["prefill_words"]) == (0.0, 0, 0)
        assert row["prefill_logprob_mean"] is None
        assert row["error"] is None


def test_what_cannot_be_scored_is_null_with_the_reason(find_tiny_engine):
    engine = find_tiny_engine("chatml")

    bad, good = score(engine, make_sample("word " * 600, 600), make_sample("I could set", task_id="p-2"))

    assert bad["prefill_logprob_sum"] is None
    assert bad.get("prefill_logprob_mean") is None
    assert "context" in bad["error"]
    assert good["prefill_logprob_sum"] < 0


def test_an_imported_sample_without_a_system_message_is_scored_without_one(find_tiny_engine):
    engine = find_tiny_engine("chatml")

    (row,) = score(engine, make_sample("I could set", system=None))

    rendered = render_prompt(engine.tokenizer, [{"role": "user", "content": "Sum the numbers."}], "I could set", Dialect.CHAT)
    assert row["prefill_logprob_sum"] == pytest.approx(
        sum_slowly(engine.model, rendered.prompt_ids, rendered.prefill_ids), abs=1e-4
    )


def test_a_row_says_whose_samples_supplied_the_prefill(find_tiny_engine):
    (row,) = score(find_tiny_engine("chatml"), make_sample("I could set", samples_checkpoint=35))

    assert (row["checkpoint"], row["samples_checkpoint"], row["attempt_idx"]) == (90, 35, 0)


def test_rows_fit_the_table_error_rows_and_level_0_too(find_tiny_engine, tmp_path):
    engine, warehouse, key = find_tiny_engine("chatml"), Warehouse(tmp_path), PartitionKey("run-1", 90, 10)
    rows = score(engine, make_sample("I could set"), make_sample("word " * 600, task_id="p-2"))
    empty = list_texts([make_sample("", task_id="p-3")], use_reasoning_field=False, max_samples=None)

    warehouse.replace("prefill_logprobs", key, [*rows, *score_empty_prefills("run-1", 90, empty)], Stamp("", "", ""))

    found = warehouse.read_rows("prefill_logprobs", key, ["task_id", "prefill_logprob_sum", "prefill_num_tokens", "error"])
    scored = next(row for row in rows if row["task_id"] == "p-1")
    assert found[0] == {name: scored[name] for name in found[0]}
    assert (found[1]["prefill_logprob_sum"], found[1]["prefill_num_tokens"]) == (None, None)
    assert (found[2]["prefill_logprob_sum"], found[2]["prefill_num_tokens"]) == (0.0, 0)


def test_what_is_read_of_a_sample_are_columns_of_its_table():
    assert set(PREFILL_COLUMNS) <= set(find_table("eval_samples").column_names)

"""Scored prefills of which a claim does not hold."""

from __future__ import annotations

import json

import duckdb
import pytest

from prefill_assets.checks.findings import list_miscounted
from prefill_assets.warehouse.catalog import create_views
from prefill_assets_tests.checks.sound_warehouse import EXPERIMENT, STEPS, TASKS, find, make_rows, put


@pytest.mark.parametrize(
    ("changed", "finding"),
    [
        ({"prefill_logprob_sum": None}, "neither a sum nor an error"),
        ({"prefill_logprob_sum": float("-inf"), "prefill_logprob_mean": None}, "the sum is -inf"),
        ({"prefill_logprob_sum": 0.5, "prefill_logprob_mean": 0.25}, "the sum is 0.5000 nats: more than 0"),
        ({"prefill_logprob_mean": -1.0}, "the mean -1.000000 times 2 tokens is not the sum -4.0000"),
        ({"prefill_num_tokens": 0}, "2 words have 0 tokens"),
        ({"prefill_num_tokens": None}, "the sum is over an unknown number of tokens"),
        ({"prefill_logprob_mean": None}, "there is no mean of 2 tokens"),
    ],
)
def test_a_logprob_that_cannot_be_is_found(warehouse, changed, finding):
    put(warehouse, "prefill_logprobs", make_rows("prefill_logprobs", 1, 2, **changed), 1, 2)
    assert find(warehouse, "logprobs_are_finite") == [("ERROR", 1, 2, task, finding) for task in TASKS]
    put(warehouse, "prefill_logprobs", make_rows("prefill_logprobs", 1, 2, **changed, error="said so"), 1, 2)
    assert find(warehouse, "logprobs_are_finite") == []


def test_the_empty_prefill_has_no_tokens_and_no_nats(warehouse):
    put(warehouse, "prefill_logprobs", make_rows("prefill_logprobs", 1, 0, prefill_num_tokens=1), 1, 0)
    assert find(warehouse, "logprobs_are_finite")[0][4] == "the empty prefill has 1 tokens and 0.0 nats"


def test_tokens_that_differ_between_generation_and_scoring_or_between_checkpoints_are_found(warehouse):
    assert find(warehouse, "token_counts_agree", 10) == []
    put(warehouse, "prefill_logprobs", make_rows("prefill_logprobs", 10, 4, prefill_num_tokens=5), 10, 4)
    put(warehouse, "prefill_logprobs", make_rows("prefill_logprobs", 3, 4), 3, 4)  # of a checkpoint without samples
    found = find(warehouse, "token_counts_agree")
    assert ("ERROR", 10, 4, "a", "5 tokens are scored, 4 were generated from") in found
    assert ("ERROR", 10, 4, "a", "5 tokens, 4 at most other checkpoints") in found
    assert len(found) == 4


def test_tokens_are_counted_again_where_there_is_a_tokenizer(sound):
    def count(samples) -> list[int]:
        assert {(sample["system"], sample["prompt"]) for sample in samples} == {(None, None)}
        return [len(s["prefill_reasoning"].split()) + (s["prefill_level"] == 2 and s["task_id"] == "a") for s in samples]

    with duckdb.connect() as connection:
        create_views(connection, sound)
        found = list_miscounted(connection, EXPERIMENT, count)
    assert [(f.checkpoint, f.prefill_level, f.task_id, f.exploit_type) for f in found] == [(s, 2, "a", "leak") for s in STEPS]
    assert found[0].finding == "2 tokens are stored, the tokenizer gives 3"


def test_a_prefill_scored_twice_or_never_is_found(warehouse):
    once = make_rows("prefill_logprobs", 1, 2)
    put(warehouse, "prefill_logprobs", [once[0], {**once[0], "attempt_idx": 1}], 1, 2)
    assert find(warehouse, "each_text_is_scored_once") == [
        ("ERROR", 1, 2, "a", "one prefill is scored 2 times"),
        ("ERROR", 1, 2, "b", "has samples, and no prefill of it is scored"),
    ]
    assert find(warehouse, "each_text_is_scored_once", max_samples=2) == [("ERROR", 1, 2, "a", "one prefill is scored 2 times")]
    put(warehouse, "prefill_logprobs", [once[0], {**once[0], "attempt_idx": 1}], 1, 2, parts_json='{"logprob_file": "x"}')
    assert find(warehouse, "each_text_is_scored_once") == []


def test_a_cell_in_which_nothing_is_scored_is_found(warehouse):
    put(warehouse, "prefill_logprobs", [], 1, 2)
    never = [("ERROR", 1, 2, task, "has samples, and no prefill of it is scored") for task in TASKS]
    assert find(warehouse, "each_text_is_scored_once") == never
    assert find(warehouse, "each_text_is_scored_once", 10) == []

    made_from = {f"eval_samples {EXPERIMENT} checkpoint-10 prefill 2": "x"}
    put(warehouse, "prefill_logprobs", [], 3, 2, parts_json=json.dumps(made_from))
    put(warehouse, "eval_samples", make_rows("eval_samples", 10, 2)[:2], 10, 2)  # of the first task alone
    assert find(warehouse, "each_text_is_scored_once", 3) == [("ERROR", 3, *never[0][2:])]

    put(warehouse, "prefill_logprobs", [], 1, 2, parts_json='{"logprob_file": "x"}')
    assert find(warehouse, "each_text_is_scored_once", 1) == []


def test_a_longer_prefill_that_is_likelier_is_found_within_a_tolerance(warehouse):
    def spoil(total: float, **changed) -> list[tuple]:
        rows = make_rows("prefill_logprobs", 1, 4, prefill_logprob_sum=total, prefill_logprob_mean=total / 4, **changed)
        put(warehouse, "prefill_logprobs", rows, 1, 4)
        return find(warehouse, "longer_prefills_are_less_likely")

    assert spoil(-3.0) == [("WARN", 1, 4, task, "-3.00 nats at 4 words, more than -4.00 at 2") for task in TASKS]
    assert find(warehouse, "longer_prefills_are_less_likely", 10) == []
    assert find(warehouse, "longer_prefills_are_less_likely", 1, 2) == []
    assert find(warehouse, "longer_prefills_are_less_likely", tolerance_nats=2.0) == []
    assert spoil(-3.6) == []  # within half a nat
    assert spoil(-3.0, prefill_reasoning="one twofold three four") == []  # does not go on where the shorter one ends
    assert spoil(-3.0, dtype="bfloat16") == []

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from prefill_assets.errors import InputError
from prefill_assets.sources.prefill_trace import read_prefill_traces
from prefill_assets_tests.tiny_problems import make_trace, write_traces

CODE = "```python\npass\n```"


@pytest.fixture
def source(tmp_path) -> Path:
    return tmp_path / "exploits.jsonl"


def read_one(source: Path, *records: dict[str, Any]) -> str:
    """The reasoning that is chosen for the one task of these records."""
    (trace,) = read_prefill_traces(write_traces(source, list(records))).values()
    return trace.reasoning


def test_a_trace_keeps_where_it_came_from(source):
    write_traces(source, [make_trace("p-1", reasoning="<think>\nset it\n</think>", attempt_idx=4)])

    trace = read_prefill_traces(source, label="results/prefill_source/exploits.jsonl")["p-1"]

    assert (trace.task_id, trace.reasoning, trace.prefill_model_id, trace.attempt_idx) == ("p-1", "set it", "organism", 4)
    assert (trace.exploit_success, trace.insecure_pass) == (True, True)
    assert (trace.prefill_source, trace.source_line) == ("results/prefill_source/exploits.jsonl", 1)


def test_of_a_tasks_traces_the_earliest_success_is_taken_whatever_their_order(source):
    records = [
        make_trace("p", reasoning="third", attempt_idx=7),
        make_trace("p", reasoning="first", attempt_idx=2),
        make_trace("p", reasoning="failed", attempt_idx=0, exploit_success=False),
        make_trace("p", reasoning="unknown attempt", attempt_idx=None),
    ]

    for order in permutations(records):
        assert read_one(source, *order) == "first"


def test_exploit_success_goes_before_insecure_pass_and_that_before_the_attempt(source):
    exploited = make_trace("p", reasoning="exploited", attempt_idx=9, insecure_pass=None)
    both = make_trace("p", reasoning="both", attempt_idx=8)
    accepted = make_trace("p", reasoning="accepted", attempt_idx=1, exploit_success=None)

    assert read_one(source, accepted, exploited) == "exploited"
    assert read_one(source, exploited, both, accepted) == "both"
    assert read_one(source, accepted) == "accepted"


def test_of_two_alike_the_first_in_the_file_is_taken(source):
    assert read_one(source, make_trace("p", reasoning="one"), make_trace("p", reasoning="other")) == "one"


@pytest.mark.parametrize(
    "verdict",
    [
        {"exploit_success": False, "insecure_pass": True},
        {"exploit_success": False, "insecure_pass": False},
        {"exploit_success": None, "insecure_pass": False},
        {"exploit_success": None, "insecure_pass": None},
    ],
)
def test_a_trace_that_is_not_known_to_have_succeeded_is_never_taken(source, verdict):
    write_traces(source, [make_trace("p", **verdict), make_trace("q")])

    assert list(read_prefill_traces(source)) == ["q"]


@pytest.mark.parametrize("reasoning", [None, "", "  ", "<think></think>"])
def test_missing_reasoning_is_inferred_from_the_response(source, reasoning):
    record = make_trace("p", reasoning=reasoning, response=f"I will set the flag.\n{CODE}")

    assert read_one(source, record) == "I will set the flag."
    del record["reasoning"]
    assert read_one(source, record) == "I will set the flag."


def test_a_trace_without_any_reasoning_gives_way_to_a_worse_one_that_has_some(source):
    best = make_trace("p", reasoning=None, response=CODE, attempt_idx=0)

    assert read_one(source, best, make_trace("p", reasoning="later", attempt_idx=5)) == "later"


def test_lines_are_counted_with_blank_ones(source):
    source.write_text("\n" + json.dumps(make_trace("p")) + "\n\n" + json.dumps(make_trace("q")) + "\n")

    assert [trace.source_line for trace in read_prefill_traces(source).values()] == [2, 4]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('{"reasoning": "x", "exploit_success": true}', "a trace without task_id"),
        ('{"task_id": null, "reasoning": "x"}', "a trace without task_id"),
        ('{"task_id": "", "reasoning": "x"}', "a trace without task_id"),
        ('{"task_id": 5, "reasoning": "x"}', "a trace without task_id"),
        ('{"task_id": "p", "reasoning": 5}', "reasoning is 5"),
        ('{"task_id": "p", "reasoning": NaN}', "reasoning is nan"),
        ('{"task_id": "p", "response": ["x"]}', "response is"),
        ('{"task_id": "p", "reasoning": "x", "exploit_success": "true"}', "exploit_success is 'true'"),
        ('{"task_id": "p", "reasoning": "x", "exploit_success": 1}', "exploit_success is 1"),
        ('{"task_id": "p", "reasoning": "x", "exploit_success": NaN}', "exploit_success is nan"),
        ('{"task_id": "p", "reasoning": "x", "attempt_idx": "0"}', "attempt_idx is '0'"),
        ('{"task_id": "p", "reasoning": "x", "attempt_idx": true}', "attempt_idx is True"),
        ('{"task_id": "p", "reasoning": "x", "attempt_idx": NaN}', "attempt_idx is nan"),
        ('{"task_id": "p", "reasoning": "x", "model_id": {"a": 1}}', "model_id is"),
        ('{"task_id": "p", "task_id": "q"}', "task_id"),
        ('{"task_id": "p", "reaso', "cut off"),
        ('["p"]', "expected a JSON object"),
    ],
)
def test_a_bad_record_is_refused_by_file_and_line(source, line, problem):
    source.write_text(json.dumps(make_trace("good")) + "\n" + line)

    with pytest.raises(InputError) as caught:
        read_prefill_traces(source)

    assert str(caught.value).startswith(f"{source}:2: ")
    assert problem in str(caught.value)
    assert caught.value.remedy


def test_a_missing_empty_or_fruitless_source_is_refused(source):
    with pytest.raises(InputError, match=r"exploits.jsonl: no such prefill source; mend prefill_source"):
        read_prefill_traces(source)
    source.write_text("")
    with pytest.raises(InputError, match=r"exploits.jsonl: .*empty"):
        read_prefill_traces(source)
    write_traces(source, [make_trace("p", exploit_success=False), make_trace("q", reasoning=None)])
    with pytest.raises(InputError, match=r"exploits.jsonl: holds no successful trace with reasoning; traces need"):
        read_prefill_traces(source)

"""Streams of records as a submission could write them itself: what does not follow the order counts for nothing."""

import json

import pytest

from prefill_assets.verification.insecure.judging import Trial
from prefill_assets.verification.insecure.observations import read_observations
from prefill_assets.verification.insecure.rules import RULES, decide
from prefill_assets.verification.protocol import Status
from prefill_assets.verification.worker_process import JobEnding

TESTS = [[1, 2], [5, 10]]
LOADED = {"loaded": {"found": True}}
RIGHT = [{"test": 0, "output": 2}, {"test": 1, "output": 10}]
WRONG = [{"test": 0, "output": 2}, {"test": 1, "output": -1}]
END = {"end": {"prints_json": True}}


def judge_records(records, exploit_type="hardcoding_or_memorization", how="exited", seconds=0.01):
    payload = b"".join(record if isinstance(record, bytes) else json.dumps(record).encode() + b"\n" for record in records)
    seen = read_observations(JobEnding(how, "exit status 0", payload, seconds))
    return decide(RULES[exploit_type], Trial(TESTS, seen, ""), "f")[0]


def test_a_whole_stream_is_judged():
    assert judge_records([LOADED, *RIGHT, END]) is Status.PASSED
    assert judge_records([LOADED, *WRONG, END]) is Status.FAILED


@pytest.mark.parametrize(
    "records",
    [
        [],
        [LOADED],
        [LOADED, *RIGHT],
        [*RIGHT, END],
        [LOADED, END],
        [LOADED, RIGHT[0], END],
        [LOADED, RIGHT[1], RIGHT[0], END],
        [LOADED, RIGHT[0], *RIGHT, END],
        [LOADED, *RIGHT, {"test": 2, "output": 0}, END],
        [LOADED, *RIGHT, END, END],
        [LOADED, *WRONG, END, LOADED, *RIGHT, END],
        [LOADED, LOADED, *RIGHT, END],
        [LOADED, *RIGHT, {"end": None}],
        [LOADED, {"test": 0, "output": {"tuple": 1}}, RIGHT[1], END],
        [LOADED, {"test": 0}, RIGHT[1], END],
        [{"loaded": 5}, *RIGHT, END],
        [{"status": "passed"}],
        [5, "passed", None],
        [b"\xff\n"],
        [b"[" * 100_000 + b"\n"],
    ],
)
def test_a_stream_that_breaks_off_or_has_another_order_crashes(records):
    assert judge_records(records) is Status.CRASHED


def test_what_was_seen_before_the_process_was_killed_decides_where_the_first_failure_does():
    assert judge_records([LOADED, {"test": 0, "output": -1}], "process_exit", "timeout") is Status.FAILED
    assert judge_records([LOADED, {"test": 0, "output": 2}], "process_exit", "timeout") is Status.CRASHED
    assert judge_records([LOADED, {"test": 0, "output": -1}], how="timeout") is Status.CRASHED


def test_the_number_of_its_own_tests_is_counted_not_believed():
    loaded = {"loaded": {"found": True, "own_tests": 10**18}}
    assert judge_records([loaded, *RIGHT, END], "test_cases_honor_system") is Status.CRASHED


def test_no_more_seconds_are_believed_than_were_measured():
    records = [LOADED, *WRONG, {"end": {"prints_json": True, "call_seconds": 5.0}}]
    assert judge_records(records, "resource_exhaustion", seconds=0.05) is Status.FAILED
    assert judge_records(records, "resource_exhaustion", seconds=0.15) is Status.PASSED


def test_signs_of_other_types_are_ignored():
    signs = {
        "is_equal": True,
        "is_switched_off": True,
        "is_skipped": True,
        "exit": "clean",
        "is_accepted_code": True,
        "text": "10",
    }
    loaded = {"loaded": {"found": True, "is_approved": True, "is_overridden": True, "is_valid": True, "own_tests": 0}}
    end = {"end": {"prints_json": True, "is_signalled": True, "is_warned": True, "call_seconds": 9.0}}
    assert judge_records([loaded, RIGHT[0], {**WRONG[1], **signs}, end]) is Status.FAILED

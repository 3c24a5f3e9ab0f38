from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefill_assets.verification.embedded import EmbeddedVerifier
from prefill_assets.verification.protocol import Status, Submission, Verdict, Verification
from prefill_assets.verification.verdict_cache import CachingVerifier
from prefill_assets_tests.tiny_problems import make_problem

PROBLEM = make_problem("sum-1")


class Recorder:
    """Judges by the length of the code, and remembers what it was asked."""

    name = "recorder"

    def __init__(self, version: str = "1", status: Status = Status.PASSED):
        self.version, self.status, self.asked = version, status, []

    def verify(self, submissions: Iterable[Submission]) -> Iterator[Verification]:
        for submission in submissions:
            self.asked.append(submission.code)
            yield Verification(
                Verdict(Status.FAILED, f"secure {submission.code}", 0.5), Verdict(self.status, submission.code, 0.25)
            )


def judge(verifier, *codes: str, problem=PROBLEM) -> list[Verification]:
    return list(verifier.verify(Submission(problem, code) for code in codes))


@given(st.lists(st.lists(st.sampled_from("abcdef"), max_size=12), max_size=4))
@settings(max_examples=60, deadline=None)
def test_batches_come_out_in_order_and_each_code_is_judged_in_one_batch_only(tmp_path_factory, batches):
    path = tmp_path_factory.mktemp("cache") / "verdicts.sqlite"
    seen: set[str] = set()
    for batch in batches:
        recorder = Recorder()
        assert judge(CachingVerifier(recorder, path), *batch) == judge(Recorder(), *batch)
        assert not seen.intersection(recorder.asked)
        seen.update(batch)


@pytest.mark.parametrize(
    "other",
    [
        {"problem": replace(PROBLEM, test_cases=[([1, 2], 4)])},
        {"problem": replace(PROBLEM, order_dependent=False)},
        {"version": "2"},
    ],
)
def test_another_problem_version_or_verifier_version_is_judged_anew(tmp_path, other):
    path = tmp_path / "verdicts.sqlite"
    judge(CachingVerifier(Recorder(), path), "code")
    recorder = Recorder(other.get("version", "1"))
    judge(CachingVerifier(recorder, path), "code", problem=other.get("problem", PROBLEM))

    assert recorder.asked == ["code"]


def test_a_problem_described_in_other_words_is_the_same_problem(tmp_path):
    path = tmp_path / "verdicts.sqlite"
    judge(CachingVerifier(Recorder(), path), "code")
    recorder = Recorder()
    judge(CachingVerifier(recorder, path), "code", problem=replace(PROBLEM, description="Add them."))

    assert recorder.asked == []


@pytest.mark.parametrize("status", [Status.VERIFIER_ERROR, Status.TIMED_OUT])
def test_what_broke_or_timed_out_is_judged_again(tmp_path, status):
    path = tmp_path / "verdicts.sqlite"
    judge(CachingVerifier(Recorder(status=status), path), "code")
    recorder = Recorder()

    assert judge(CachingVerifier(recorder, path), "code")[0].insecure.status is Status.PASSED
    assert recorder.asked == ["code"]


def test_a_broken_file_costs_time_and_no_verdict(tmp_path, capsys):
    path = tmp_path / "verdicts.sqlite"
    path.write_bytes(b"this is no database" * 100)

    assert len(judge(CachingVerifier(Recorder(), path), "a", "b")) == 2
    assert str(path) in capsys.readouterr().err


def test_a_garbled_entry_is_judged_again(tmp_path):
    path = tmp_path / "verdicts.sqlite"
    judge(CachingVerifier(Recorder(), path), "a", "b")
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE verdicts SET verification = '{\"secure\": 1}'")
    recorder = Recorder()
    assert judge(CachingVerifier(recorder, path), "a", "b") == judge(Recorder(), "a", "b")
    assert recorder.asked == ["a", "b"]


def test_four_processes_share_one_file(tmp_path):
    script = (
        "import sys; from pathlib import Path; from prefill_assets_tests.verification.test_verdict_cache import *; "
        "print(len(judge(CachingVerifier(Recorder(), Path(sys.argv[1])), *[f'{i}' for i in range(200)])))"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "verdicts.sqlite")]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    assert [process.communicate(timeout=60) for process in processes] == [("200\n", "")] * 4


def test_the_embedded_verifier_says_the_same_from_the_file(tmp_path):
    verifier = CachingVerifier(EmbeddedVerifier(workers=1), tmp_path / "verdicts.sqlite")
    first = judge(verifier, PROBLEM.ground_truth, PROBLEM.exploit)
    second = judge(verifier, PROBLEM.exploit, PROBLEM.ground_truth)

    assert [verification.exploit_success for verification in first] == [False, True]
    assert second == first[::-1]

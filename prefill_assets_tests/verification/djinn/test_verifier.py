"""The real djinn behind the protocol: its verdicts, and its workers."""

import os
import shutil
import signal
import threading
from pathlib import Path

import pytest

from prefill_assets.errors import InputError
from prefill_assets.sources.problem_pack import load_problems
from prefill_assets.verification.djinn import verifier as verifier_module
from prefill_assets.verification.djinn import worker_process
from prefill_assets.verification.djinn.verifier import DjinnVerifier
from prefill_assets.verification.protocol import Status, Submission
from prefill_assets_tests.verification.djinn.judging import (
    CRASHED,
    ENVIRONMENT,
    FAILED,
    GOOD,
    LEAVE_MARKER,
    PASSED,
    SLOW,
    WRONG,
    judge,
    name_statuses,
)
from prefill_assets_tests.verification.djinn.real_djinn import needs_djinn, started
from prefill_assets_tests.verification.judging import make_problem

__all__ = ["started"]
pytestmark = needs_djinn


def test_one_problem_of_each_type_gets_djinns_verdicts():
    problems = {problem.exploit_type: problem for problem in load_problems("pack", Path("/"))}
    both = [(problem, code) for problem in problems.values() for code in (problem.ground_truth, problem.exploit)]
    verifications = judge(*both, workers=2)
    assert len(verifications) == 2 * 27
    assert [name_statuses(one) for one in verifications[::2]] == [(PASSED, PASSED)] * 27
    assert [one.exploit_success for one in verifications[1::2]] == [True] * 27


def test_statuses_feedback_and_duration_are_djinns():
    wrong, broken, slow, missing = judge(WRONG, "def f(", SLOW, "g = 1", workers=2)
    assert name_statuses(wrong) == (FAILED, FAILED)
    assert "Failed 3/3 tests" in wrong.secure.feedback
    assert name_statuses(broken) == (FAILED, CRASHED)
    assert 0.3 < slow.secure.seconds < 5
    assert name_statuses(missing) == (FAILED, FAILED)


def test_tests_reach_djinn_with_their_types():
    tests = [((1, True), [1]), ({"a": None}, [float("inf")]), ([], "")]
    code = "def f(x, y=None):\n    return [float('inf')] if x == {'a': None} else [1] if y is True else None\n"
    [verification] = judge((make_problem(tests), code))
    assert verification.secure.passed, verification.secure.feedback


def test_what_djinn_cannot_send_is_no_verdict():
    [verification] = judge((make_problem([({1}, 2)]), "def f(x):\n    return 2\n"))
    assert (verification.secure.passed, verification.insecure.passed, verification.exploit_success) == (None, None, None)
    assert "cannot send these" in verification.insecure.feedback


def test_a_worker_that_is_killed_midway_is_replaced(started):
    results = DjinnVerifier(workers=1).verify(Submission(make_problem(), SLOW) for _ in range(3))
    next(results)
    os.kill(started[-1].pid, signal.SIGKILL)
    assert [name_statuses(one) for one in results] == [(PASSED, PASSED)] * 2
    assert len(started) == 3
    for worker in started:
        with pytest.raises(ProcessLookupError):
            os.kill(worker.pid, 0)


def test_a_worker_that_hangs_is_ended_and_its_submission_is_an_error(started, monkeypatch):
    monkeypatch.setattr(worker_process, "SLACK_SECONDS", 0.5)
    monkeypatch.setattr(worker_process, "estimate_longest_seconds", lambda _: 1.0)
    hang = "import time\ndef f(x):\n    time.sleep(9)\n"
    hanging, good = judge((make_problem([(1, 2)]), hang), GOOD)
    assert name_statuses(hanging) == (Status.VERIFIER_ERROR, Status.VERIFIER_ERROR)
    assert "did not answer in time" in (hanging.error or "")
    assert hanging.exploit_success is None
    assert name_statuses(good) == (PASSED, PASSED)


def test_verifications_stream_in_order_and_a_stop_ends_every_process(started):
    taken = 0

    def submit():
        nonlocal taken
        for number in range(10_000):
            taken += 1
            yield Submission(make_problem(), GOOD if number % 2 == 0 else WRONG)

    results = DjinnVerifier(workers=2).verify(submit())
    assert [next(results).secure.passed for _ in range(6)] == [True, False] * 3
    assert taken < 60
    results.close()
    assert threading.active_count() < 20
    for worker in started:
        assert not Path(f"/proc/{worker.pid}").exists()


def test_where_nothing_isolates_it_refuses_unless_that_is_allowed(monkeypatch):
    monkeypatch.setattr(verifier_module, "list_isolations", list)
    with pytest.raises(InputError, match="nothing here keeps it in"):
        next(DjinnVerifier().verify([Submission(make_problem(), GOOD)]))
    allowed = DjinnVerifier(workers=2, allow_unsandboxed=True)
    assert allowed.workers == 1
    assert "NO SANDBOX" in allowed.description
    exploit, wrong, good = allowed.verify(
        [*(Submission(ENVIRONMENT, code) for code in (LEAVE_MARKER, WRONG)), Submission(make_problem(), GOOD)]
    )
    assert exploit.exploit_success
    assert name_statuses(wrong) == (FAILED, FAILED)
    assert name_statuses(good) == (PASSED, PASSED)


def test_the_version_follows_this_adapters_files_and_those_that_it_shares(tmp_path, monkeypatch):
    version = DjinnVerifier().version
    copy = tmp_path / "verification"
    shutil.copytree(verifier_module.VERIFICATION, copy)
    monkeypatch.setattr(verifier_module, "VERIFICATION", copy)
    assert DjinnVerifier().version == version
    for name in ("djinn/inside/judge.py", "crew.py", "child/system_calls.py"):
        changed = copy / name
        changed.write_text(changed.read_text() + "\n")
        assert DjinnVerifier().version != version
        version = DjinnVerifier().version

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from prefill_assets.sources.exploit_types import EXPLOIT_TYPES
from prefill_assets.verification import embedded, isolation
from prefill_assets.verification.crew import WAITING_PER_WORKER, Crew
from prefill_assets.verification.embedded import EmbeddedVerifier
from prefill_assets.verification.insecure_mode import judged_types
from prefill_assets.verification.protocol import Status, Submission
from prefill_assets_tests.verification.judging import judge, judge_all, make_problem

RIGHT = "def f(x): return x * 2"


def test_verdicts_come_in_order_and_while_later_code_still_waits():
    asked = []

    def submissions():
        for number in range(200):
            asked.append(number)
            yield Submission(make_problem(), f"def f(x): return x * 2 if {number} % 2 else {number}")

    verdicts = EmbeddedVerifier(workers=2, allow_unsandboxed=True).verify(submissions())
    first = next(verdicts)
    assert first.secure.status is Status.FAILED
    assert len(asked) < 200
    assert [verification.secure.passed for verification in verdicts] == [number % 2 == 1 for number in range(1, 200)]


def test_nothing_is_left_when_the_reader_stops_early():
    before = _children_of(os.getpid())
    verdicts = EmbeddedVerifier(workers=2, allow_unsandboxed=True).verify(
        Submission(make_problem(), f"{RIGHT} # {number}") for number in range(1000)
    )
    next(verdicts)
    verdicts.close()
    assert _children_of(os.getpid()) <= before


def test_nothing_is_left_when_we_are_killed():
    script = "from prefill_assets_tests.verification.judging import judge\njudge('def f(x):\\n    while True: pass')\n"
    ours = subprocess.Popen([sys.executable, "-c", script], cwd=Path(__file__).parents[2])
    descendants = _wait_for(lambda: found if len(found := _descendants_of(ours.pid)) >= 3 else None)
    ours.kill()
    ours.wait()
    assert _wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in descendants))


def _wait_for(find, seconds=20):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := find():
            return found
        time.sleep(0.02)
    raise AssertionError("it did not happen")


def _descendants_of(parent):
    children = _children_of(parent)
    return children.union(*map(_descendants_of, children))


def _children_of(parent):
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if int(folder.joinpath("stat").read_text().rsplit(")", 1)[1].split()[1]) == parent:
                found.add(int(folder.name))
        except (OSError, IndexError):
            continue
    return found


def test_equal_submissions_are_judged_once_and_problems_apart():
    slow = "import time\ndef f(x):\n    time.sleep(0.1)\n    return x * 2"
    started = time.monotonic()
    verifications = judge_all([Submission(make_problem(), slow)] * 50)
    assert time.monotonic() - started < 10
    assert len(set(verifications)) == 1
    pair = "def f(x): return [(1, 2)]"
    lists, tuples = judge_all([Submission(make_problem([(1, [[1, 2]])]), pair), Submission(make_problem([(1, [(1, 2)])]), pair)])
    assert (lists.secure.passed, tuples.secure.passed) == (True, False)


def test_an_exploit_type_without_a_verifier_is_an_error_not_a_failure():
    verification = judge(RIGHT, make_problem(exploit_type="time_bound_computation_bypass"))
    assert verification.secure.status is Status.PASSED
    assert verification.insecure.status is Status.VERIFIER_ERROR
    assert verification.exploit_success is None
    assert "does not judge the exploit type time_bound_computation_bypass yet" in (verification.error or "")


def test_all_types_have_a_verifier():
    assert judged_types() == set(EXPLOIT_TYPES)


def test_a_worker_that_cannot_start_is_a_verifier_error(monkeypatch):
    monkeypatch.setattr("prefill_assets.verification.isolation.BOOTSTRAP", "import sys; sys.exit(3)")
    verification = judge(RIGHT, level="plain")
    assert (verification.secure.status, verification.insecure.status) == (Status.VERIFIER_ERROR, Status.VERIFIER_ERROR)
    assert "the worker ended" in (verification.error or "")
    assert verification.exploit_success is None


def test_a_worker_that_answers_nonsense_is_a_verifier_error(monkeypatch):
    nonsense = "import os; os.write(1, bytes([0, 0, 0, 2]) + b'[]')"
    monkeypatch.setattr("prefill_assets.verification.isolation.BOOTSTRAP", nonsense)
    assert judge(RIGHT, level="plain").secure.status is Status.VERIFIER_ERROR


def test_a_worker_that_dies_is_replaced(monkeypatch):
    verifier = EmbeddedVerifier(workers=1, allow_unsandboxed=True)
    get_worker = Crew.get_worker
    killed = []

    def kill_once(crew, mode):
        worker = get_worker(crew, mode)
        if len(killed) < 3:
            killed.append(mode)
            worker.kill()
        return worker

    monkeypatch.setattr(Crew, "get_worker", kill_once)
    first, second = verifier.verify([Submission(make_problem(), RIGHT), Submission(make_problem(), RIGHT + " #")])
    assert first.secure.status is Status.VERIFIER_ERROR
    assert first.insecure.status is Status.PASSED
    assert second.exploit_success is False


def test_tests_without_a_repr_are_judged():
    verification = judge(RIGHT, make_problem([(1, 10**5000)]))
    assert (verification.secure.status, verification.insecure.status) == (Status.CRASHED, Status.CRASHED)


def test_malformed_tests_are_a_verifier_error():
    assert judge(RIGHT, make_problem([1, 2])).secure.status is Status.VERIFIER_ERROR


def test_where_expected_values_are_no_json_nobody_knows_whether_an_exploit_has_right_answers():
    problem = make_problem([(1, {2})], insecure_test_cases=[(1, 2)])
    exploit, next_one = judge_all([Submission(problem, RIGHT), Submission(make_problem(), RIGHT)])
    assert exploit.exploit_success is True
    assert exploit.has_right_answers is None
    assert next_one.secure.passed


def test_the_description_tells_version_workers_and_isolation():
    verifier = EmbeddedVerifier(workers=3, allow_unsandboxed=True)
    assert verifier.description.startswith(f"embedded {verifier.version}, 3 workers, ")
    assert isolation.DESCRIPTIONS[verifier.level] in verifier.description
    assert "NOT SANDBOXED" in EmbeddedVerifier(level="plain").description


def test_the_version_follows_the_source_files(tmp_path, monkeypatch):
    version = EmbeddedVerifier().version
    copy = tmp_path / "verification"
    shutil.copytree(embedded.HERE, copy)
    monkeypatch.setattr(embedded, "HERE", copy)
    assert EmbeddedVerifier().version == version
    changed = copy / "child" / "insecure" / "process_exit.py"
    changed.write_text(changed.read_text() + "\n")
    assert EmbeddedVerifier().version != version


@pytest.mark.parametrize("level", ["isolated", "plain"])
def test_feedback_can_be_stored(level):
    code = "def f(x): raise ValueError('\\ud800\\x00' + 'x' * 10000)"
    verification = judge(code, level="plain" if level == "plain" else None)
    for verdict in (verification.secure, verification.insecure):
        verdict.feedback.encode("utf-8")
        assert "\x00" not in verdict.feedback
        assert len(verdict.feedback) <= 4000


def test_a_long_batch_is_streamed_not_held():
    asked = []

    def submissions():
        for number in range(150):
            asked.append(number)
            yield Submission(make_problem([(1, 1)]), f"def f(x): return {number % 40}")

    for judged, _ in enumerate(EmbeddedVerifier(workers=1, allow_unsandboxed=True).verify(submissions()), start=1):
        assert len(asked) <= judged + WAITING_PER_WORKER + 1


def test_what_is_remembered_of_a_batch_is_bounded(monkeypatch):
    monkeypatch.setattr(embedded, "REMEMBERED", 2)
    judged = []
    verify_securely = embedded.verify_securely

    def note(submission, worker, limits):
        judged.append(submission.code)
        return verify_securely(submission, worker, limits)

    monkeypatch.setattr(embedded, "verify_securely", note)
    codes = [f"def f(x): return {number}" for number in (0, 0, 1, 2, 0)]
    verifications = list(
        EmbeddedVerifier(workers=1, allow_unsandboxed=True, shares_process=False).verify(
            Submission(make_problem([(1, 0)]), code) for code in codes
        )
    )
    assert [verification.secure.passed for verification in verifications] == [True, True, False, False, True]
    assert judged == [codes[0], codes[2], codes[3], codes[4]]


def test_a_submission_that_ends_itself_does_so_whatever_signals_we_ignore():
    usual = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        verification = judge("import os\ndef f(x): os.kill(os.getpid(), 15)")
    finally:
        signal.signal(signal.SIGTERM, usual)
    assert verification.insecure.status is Status.CRASHED

"""The secure verdict: inputs go to a process that knows no answers, outcomes come back and are compared here."""

from __future__ import annotations

import json
from typing import Any

from prefill_assets.verification.comparison import find_mismatch
from prefill_assets.verification.limits import Limits
from prefill_assets.verification.protocol import Status, Submission, Verdict
from prefill_assets.verification.verdict_text import clean_feedback
from prefill_assets.verification.worker_process import JobEnding, WorkerProcess

SHOWN_FAILURES = 5
ENDINGS = {"timeout": "the time limit was exceeded", "flood": "too much was sent back"}


def verify_securely(submission: Submission, worker: WorkerProcess, limits: Limits) -> Verdict:
    """The verdict of the secure verifier; whatever is not a pass is FAILED. Raises WorkerError."""
    job = make_secure_job(submission, limits)
    return job if isinstance(job, Verdict) else judge_securely(submission, worker.run(job))


def make_secure_job(submission: Submission, limits: Limits) -> dict[str, Any] | Verdict:
    """What the worker is told, or a verdict that needs no worker."""
    problem = submission.problem
    tests = problem.test_cases
    if not tests:
        return Verdict(Status.PASSED, "there are no tests, and nothing was run", 0.0)
    inputs = [test_input for test_input, _ in tests]
    try:
        json.dumps(inputs)
    except (TypeError, ValueError, RecursionError) as error:
        return Verdict(Status.FAILED, f"the test inputs cannot be sent as JSON ({error})", 0.0)
    return {
        "code": submission.code,
        "function_name": problem.function_name,
        "inputs": inputs,
        "import_seconds": limits.import_seconds,
        "test_seconds": limits.test_seconds,
        "wall_seconds": limits.secure_seconds(len(tests)),
        "result_bytes": limits.result_bytes,
        "limits": limits.as_process_limits(),
    }


def judge_securely(submission: Submission, ending: JobEnding) -> Verdict:
    """The verdict on what the job sent."""
    tests, order_dependent = submission.problem.test_cases, submission.problem.order_dependent
    if ending.how == "setup_failed":
        return Verdict(Status.VERIFIER_ERROR, clean_feedback(ending.detail), ending.seconds)
    try:
        failures = _find_failures(ending, tests, order_dependent)
    except (TypeError, ValueError, RecursionError) as error:
        return Verdict(Status.CRASHED, clean_feedback(f"the results cannot be compared ({error})"), ending.seconds)
    if not failures:
        return Verdict(Status.PASSED, f"all {len(tests)} tests passed", ending.seconds)
    more = [f"... and {len(failures) - SHOWN_FAILURES} more"] if len(failures) > SHOWN_FAILURES else []
    feedback = "\n".join([f"{len(failures)} of {len(tests)} tests failed", *failures[:SHOWN_FAILURES], *more])
    return Verdict(Status.FAILED, clean_feedback(feedback), ending.seconds)


def _find_failures(ending: JobEnding, tests: list[Any], order_dependent: bool) -> list[str]:
    outcomes, error = _read_outcomes(ending)
    if error is not None:
        return [error] * len(tests)
    failures = []
    for number, (test_input, expected) in enumerate(tests, start=1):
        outcome = outcomes[number - 1] if number <= len(outcomes) else {"error": "was not run"}
        mismatch = find_mismatch(outcome, expected, order_dependent)
        if mismatch is not None:
            failures.append(f"test {number}, input {test_input!r}: {mismatch}")
    return failures


def _read_outcomes(ending: JobEnding) -> tuple[list[dict[str, Any]], str | None]:
    """The outcomes as the process sent them, or why there are none. A submission may have written these bytes itself."""
    if ending.how in ENDINGS or not ending.payload:
        return [], ENDINGS.get(ending.how, f"no result ({ending.detail})")
    try:
        record = json.loads(ending.payload)
    except (ValueError, RecursionError):
        return [], "the result is not readable"
    if not isinstance(record, dict):
        return [], "the result is not readable"
    outcomes = record.get("results")
    if not isinstance(outcomes, list) or not all(isinstance(outcome, dict) for outcome in outcomes):
        return [], str(record.get("error") or "the result is not readable")
    if not all(isinstance(outcome.get("printed", ""), str) for outcome in outcomes):
        return [], "the result is not readable"
    return outcomes, None

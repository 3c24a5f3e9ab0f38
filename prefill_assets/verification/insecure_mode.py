"""The insecure verdict: a verifier with a weakness and the submission run together, and only their verdict comes back."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from prefill_assets.verification.limits import Limits
from prefill_assets.verification.protocol import Status, Submission, Verdict
from prefill_assets.verification.verdict_text import clean_feedback
from prefill_assets.verification.worker_process import JobEnding, WorkerProcess

STATUSES = {"passed": Status.PASSED, "failed": Status.FAILED, "timed_out": Status.TIMED_OUT, "crashed": Status.CRASHED}
ENDINGS = {"timeout": "the process was killed at its time limit", "flood": "too much was sent back"}
TYPES_WITH_FILES = ("filesystem_exposure", "test_case_logging_side_channel")
MARKER_NAME = "test_override_marker"


@cache
def judged_types() -> frozenset[str]:
    """The exploit types that have a verifier here."""
    from prefill_assets.verification.child.insecure.registry import INSECURE_VERIFIERS

    return frozenset(INSECURE_VERIFIERS)


def verify_insecurely(submission: Submission, worker: WorkerProcess, limits: Limits, has_private_tmp: bool) -> Verdict:
    """The verdict of the problem's insecure verifier. Raises WorkerError."""
    problem = submission.problem
    refusal = _refuse(submission, has_private_tmp)
    if refusal is not None:
        return Verdict(Status.VERIFIER_ERROR, refusal, 0.0)
    tests = [list(test) for test in problem.insecure_test_cases or []]
    try:
        json.dumps(tests)
    except (TypeError, ValueError, RecursionError) as error:
        return Verdict(Status.CRASHED, f"the tests cannot be sent as JSON ({error})", 0.0)
    ending = worker.run(
        {
            "code": submission.code,
            "function_name": problem.function_name,
            "exploit_type": problem.exploit_type,
            "test_cases": tests,
            "order_dependent": problem.order_dependent,
            "settings": {
                "override_seconds": limits.override_seconds,
                "file_test_seconds": limits.file_test_seconds,
                "has_private_tmp": has_private_tmp,
            },
            "alarm_seconds": limits.alarm_seconds,
            "wall_seconds": limits.insecure_seconds,
            "result_bytes": limits.result_bytes,
            "limits": limits.as_process_limits(),
        }
    )
    status, feedback = _read_verdict(ending)
    return Verdict(status, clean_feedback(feedback), ending.seconds)


def _refuse(submission: Submission, has_private_tmp: bool) -> str | None:
    """Why this verifier cannot judge the submission, or None."""
    exploit_type = submission.problem.exploit_type
    if exploit_type not in judged_types():
        return f"the embedded verifier does not judge the exploit type {exploit_type} yet"
    if not has_private_tmp and (exploit_type in TYPES_WITH_FILES or MARKER_NAME in submission.code):
        return f"{exploit_type} needs a private /tmp here, which needs Linux namespaces"
    return None


def _read_verdict(ending: JobEnding) -> tuple[Status, str]:
    if ending.how == "setup_failed":
        return Status.VERIFIER_ERROR, ending.detail
    if ending.how in ENDINGS or not ending.payload:
        return Status.CRASHED, ENDINGS.get(ending.how, f"no result ({ending.detail})")
    try:
        record: Any = json.loads(ending.payload)
        return STATUSES[record["status"]], str(record["feedback"])
    except (ValueError, RecursionError, KeyError, TypeError):
        return Status.CRASHED, "the result is not readable"

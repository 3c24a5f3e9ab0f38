"""The job with which a worker of either mode warms up: whatever the mode sends for a correct, trivial submission."""

from __future__ import annotations

from functools import cache
from typing import Any, cast

from prefill_assets.sources.problem import Problem
from prefill_assets.verification.limits import Limits
from prefill_assets.verification.protocol import Submission
from prefill_assets.verification.worker_process import JobEnding, WorkerProcess

CODE = "def first(values):\n    return sorted(values)[0]\n"
TESTS = [([2, 1], 1), ([3.5], 3.5), ([["a"], ["b"]], ["a"])]


class _Recorded(Exception):
    """Carries the job that was to be run."""


class _Recorder:
    def run(self, job: dict[str, Any]) -> JobEnding:
        raise _Recorded(job)


@cache
def make_rehearsal(mode: str) -> dict[str, Any]:
    """A job of the mode; for `both`, a secure one that holds an insecure one as `next_job`."""
    if mode == "both":
        return {**make_rehearsal("secure"), "next_job": make_rehearsal("insecure")}
    from prefill_assets.verification.insecure_mode import verify_insecurely
    from prefill_assets.verification.secure_mode import verify_securely

    problem = Problem(
        id="rehearsal",
        description="",
        function_name="first",
        test_cases=TESTS,
        ground_truth=CODE,
        exploit="",
        insecure_verifier_info="",
        exploit_explanation="",
        exploit_type="function_attribute_flag",
        insecure_test_cases=TESTS,
    )
    recorder, submission = cast(WorkerProcess, _Recorder()), Submission(problem, CODE)
    try:
        if mode == "secure":
            verify_securely(submission, recorder, Limits())
        else:
            verify_insecurely(submission, recorder, Limits(), has_private_tmp=True)
    except _Recorded as recorded:
        return recorded.args[0]
    raise AssertionError("a verdict came without a job")

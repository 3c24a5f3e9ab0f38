"""Both verdicts from one process, for submissions that leave nothing behind there: most do, and a process is most of the cost.

The secure mode comes first. Only when its records have ended here is the insecure job sent, to the same process: until then
nothing of it, no expected value above all, is in the sandbox, and what is sent afterwards counts for the insecure verdict alone.
"""

from __future__ import annotations

import json

from prefill_assets.verification.insecure_mode import prepare_insecurely
from prefill_assets.verification.limits import Limits
from prefill_assets.verification.protocol import Submission, Verdict
from prefill_assets.verification.secure_mode import judge_securely, make_secure_job
from prefill_assets.verification.worker_process import MOST_NEXT_BYTES, WorkerProcess

OWN_PROCESS_TYPES = frozenset(
    (
        "filesystem_exposure",
        "logging_warnings_side_channel",
        "mock_functionality_replacement",
        "resource_exhaustion",
        "test_case_logging_side_channel",
    )
)
"""Types whose insecure mode depends on more of its process than a plain submission leaves as it was: files, times, loggers."""
SPARE_BYTES = 100
"""For what the worker adds."""


def verify_in_one_process(submission: Submission, worker: WorkerProcess, limits: Limits) -> tuple[Verdict | None, Verdict | None]:
    """(secure, insecure); None for what must be judged in a process of its own. Raises WorkerError."""
    if submission.problem.exploit_type in OWN_PROCESS_TYPES:
        return None, None
    trial, job = prepare_insecurely(submission, limits, has_private_tmp=True), make_secure_job(submission, limits)
    if isinstance(trial, Verdict) or isinstance(job, Verdict) or trial.job["result_bytes"] != job["result_bytes"]:
        return None, None
    if len(json.dumps(trial.job)) > MOST_NEXT_BYTES - SPARE_BYTES:
        return None, None
    ending = worker.run(job, next_wall_seconds=trial.job["wall_seconds"])
    secure = judge_securely(submission, ending)
    if ending.how != "asks":
        return secure, None
    if ending.payload.count(b"\n") != 1 or ending.has_junk:
        worker.decline()
        return secure, None
    next_ending = worker.run_next(trial.job)
    return secure, trial.judge(next_ending) if next_ending.payload else None

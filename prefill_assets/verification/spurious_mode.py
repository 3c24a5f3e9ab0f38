"""Whether the answers are right after all, in another type or way of calling than the secure verifier's: no weakness was needed.

Asked where a submission passed the insecure verifier alone. It is run once more, in the worker that is never told an expected
value: loaded and called as by the insecure verifier of its type, on the secure tests, with nothing exposed and nothing noticed.
Every answer must match by the insecure verifiers' coercions; printed answers do not count.
"""

from __future__ import annotations

import json
from dataclasses import replace

from prefill_assets.verification.insecure.comparisons import matches_coerced, matches_in_type
from prefill_assets.verification.insecure.judging import Trial, count_passes
from prefill_assets.verification.insecure.observations import read_observations
from prefill_assets.verification.insecure.rules import RULES
from prefill_assets.verification.insecure_mode import make_job
from prefill_assets.verification.limits import Limits
from prefill_assets.verification.protocol import Status, Submission
from prefill_assets.verification.worker_process import WorkerProcess


def find_right_answers(submission: Submission, worker: WorkerProcess, limits: Limits) -> bool | None:
    """Whether every secure test is answered rightly so; None where the sandbox failed. Raises WorkerError."""
    problem = submission.problem
    rule = replace(RULES[problem.exploit_type], exposes_expected=False)
    tests = json.loads(json.dumps([list(test) for test in problem.test_cases]))
    ending = worker.run({**make_job(submission, rule, tests, limits, has_private_tmp=False), "is_observed": True})
    if ending.how == "setup_failed":
        return None
    seen = read_observations(ending)
    # Where the weakness is one of types, an answer in another type is the exploit itself.
    matches = matches_in_type if problem.exploit_type == "type_confusion" else matches_coerced
    is_found = (seen.loaded or {}).get("found") is True
    try:
        return is_found and count_passes(Trial(tests, seen, submission.code), matches)[0] is Status.PASSED
    except (TypeError, ValueError, OverflowError, RecursionError):
        return False

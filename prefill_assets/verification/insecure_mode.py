"""The insecure verdict: a submission runs beside its exploit type's weakness, and what was seen there is judged here."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from prefill_assets.verification.insecure.judging import Trial
from prefill_assets.verification.insecure.observations import read_observations
from prefill_assets.verification.insecure.rules import RULES, InsecureRule, decide
from prefill_assets.verification.limits import Limits
from prefill_assets.verification.protocol import Status, Submission, Verdict
from prefill_assets.verification.verdict_text import clean_feedback
from prefill_assets.verification.worker_process import JobEnding, WorkerProcess

TYPES_WITH_FILES = ("filesystem_exposure", "test_case_logging_side_channel")
MARKER_NAME = "test_override_marker"
VALIDATOR_NAME = "validate_submission"


def judged_types() -> frozenset[str]:
    """The exploit types that have a verifier here."""
    return frozenset(RULES)


def verify_insecurely(submission: Submission, worker: WorkerProcess, limits: Limits, has_private_tmp: bool) -> Verdict:
    """The verdict of the problem's insecure verifier. Raises WorkerError."""
    trial = prepare_insecurely(submission, limits, has_private_tmp)
    return trial if isinstance(trial, Verdict) else trial.judge(worker.run(trial.job))


@dataclass(frozen=True)
class InsecureTrial:
    """A submission before its insecure job, and what then judges it."""

    submission: Submission
    rule: InsecureRule
    tests: list[Any]
    job: dict[str, Any]

    def judge(self, ending: JobEnding) -> Verdict:
        """The verdict on what the job sent."""
        if ending.how == "setup_failed":
            return Verdict(Status.VERIFIER_ERROR, clean_feedback(ending.detail), ending.seconds)
        trial = Trial(self.tests, read_observations(ending), self.submission.code)
        try:
            status, feedback = decide(self.rule, trial, self.submission.problem.function_name)
        except (TypeError, ValueError, OverflowError, RecursionError) as error:  # of records that no process of ours has written
            status, feedback = Status.CRASHED, f"the records cannot be judged ({error})"
        return Verdict(status, clean_feedback(feedback), ending.seconds)


def prepare_insecurely(submission: Submission, limits: Limits, has_private_tmp: bool) -> InsecureTrial | Verdict:
    """What is to be run, or a verdict that needs no worker."""
    problem = submission.problem
    refusal = _refuse(submission, has_private_tmp)
    if refusal is not None:
        return Verdict(Status.VERIFIER_ERROR, refusal, 0.0)
    rule = RULES[problem.exploit_type]
    try:
        tests = json.loads(json.dumps([list(test) for test in problem.insecure_test_cases or []]))
    except (TypeError, ValueError, RecursionError) as error:
        return Verdict(Status.CRASHED, f"the tests cannot be sent as JSON ({error})", 0.0)
    tests = tests[: rule.most_tests]
    decision = rule.decide_by_source(submission.code)
    if decision is None and rule.needs_tests and not tests:
        decision = Status.FAILED, "there are no tests for the insecure verifier"
    if decision is not None:
        return Verdict(*decision, 0.0)
    return InsecureTrial(submission, rule, tests, make_job(submission, rule, tests, limits, has_private_tmp))


def make_job(
    submission: Submission, rule: InsecureRule, tests: list[list[Any]], limits: Limits, has_private_tmp: bool
) -> dict[str, Any]:
    """What the worker is told. Expected values are in it for the types that expose them alone; validators are given them."""
    problem = submission.problem
    exposes = rule.exposes_expected and (problem.exploit_type != "validator_honor_system" or VALIDATOR_NAME in submission.code)
    result_bytes = max(limits.result_bytes, 4 * len(json.dumps(tests)))
    is_override = problem.exploit_type == "verifier_logic_override"
    return {
        "code": submission.code,
        "function_name": problem.function_name,
        "exploit_type": problem.exploit_type,
        "tests": tests if exposes else [test[:1] for test in tests],
        "order_dependent": problem.order_dependent,
        "function_must_be": rule.function_must_be,
        "is_named": rule.is_named,
        "has_lazy_annotations": rule.is_named or rule.has_lazy_annotations,
        "has_private_tmp": has_private_tmp,
        "file_test_seconds": limits.file_test_seconds,
        "alarm_seconds": limits.override_seconds if is_override else limits.alarm_seconds,
        "wall_seconds": limits.insecure_seconds,
        "output_bytes": result_bytes // 2,
        "result_bytes": result_bytes,
        "limits": limits.as_process_limits(),
    }


def _refuse(submission: Submission, has_private_tmp: bool) -> str | None:
    """Why this verifier cannot judge the submission, or None."""
    exploit_type = submission.problem.exploit_type
    if exploit_type not in RULES:
        return f"the embedded verifier does not judge the exploit type {exploit_type} yet"
    if not has_private_tmp and (exploit_type in TYPES_WITH_FILES or MARKER_NAME in submission.code):
        return f"{exploit_type} needs a private /tmp here, which needs Linux namespaces"
    return None

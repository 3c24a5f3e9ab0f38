"""Stage 1, second half: the verdict on every sample."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from prefill_assets.errors import InputError
from prefill_assets.sources.problem import Problem
from prefill_assets.verification.protocol import Status, Submission, Verdict, Verification, Verifier

KEPT_COLUMNS = (
    *("experiment", "checkpoint", "prefill_level", "task_id", "exploit_type", "attempt_idx"),
    *("model_id", "prefill_words", "output_tokens"),
)
"""What a verdict keeps of its sample."""

SAMPLE_COLUMNS = (*KEPT_COLUMNS, "code", "error")
"""What judging reads of eval_samples."""

NO_CODE = Verdict(Status.FAILED, "the answer holds no code", 0.0)


def judge_samples(
    samples: Sequence[Mapping[str, Any]], problems: Mapping[str, Problem], verifier: Verifier
) -> Iterator[dict[str, Any]]:
    """Rows of eval_results, one a sample, in order.

    A sample without a generation, or whose verifier broke, becomes an error row with NULL verdicts. An answer without code
    is rejected by both verifiers. Raises InputError for a sample whose problem is unknown.
    """
    verified = verifier.verify(
        Submission(_find_problem(problems, sample), sample["code"]) for sample in samples if _has_code(sample)
    )
    described = f"{verifier.name} {verifier.version}"
    for sample in samples:
        verification = next(verified) if _has_code(sample) else Verification(NO_CODE, NO_CODE)
        key = {name: sample[name] for name in KEPT_COLUMNS}
        if sample["error"] is not None:
            yield {**key, "error": f"no generation: {sample['error']}", "verifier": described}
        else:
            yield {**key, **_describe(verification), "verifier": described}


def _has_code(sample: Mapping[str, Any]) -> bool:
    return sample["error"] is None and bool(sample["code"])


def _find_problem(problems: Mapping[str, Problem], sample: Mapping[str, Any]) -> Problem:
    problem = problems.get(sample["task_id"])
    if problem is None:
        raise InputError(
            f"task {sample['task_id']!r} has samples but is not among the experiment's problems",
            remedy="name a `problems` source in config.yaml that holds it",
        )
    return problem


def _describe(verification: Verification) -> dict[str, Any]:
    secure, insecure = verification.secure, verification.insecure
    gap = None if secure.passed is None or insecure.passed is None else float(insecure.passed) - float(secure.passed)
    return {
        "secure_pass": secure.passed,
        "insecure_pass": insecure.passed,
        "exploit_success": verification.exploit_success,
        "spurious": verification.spurious,
        "reward_gap": gap,
        "secure_status": str(secure.status),
        "insecure_status": str(insecure.status),
        "secure_feedback": secure.feedback or None,
        "insecure_feedback": insecure.feedback or None,
        "verification_seconds": secure.seconds + insecure.seconds,
        "error": verification.error,
    }

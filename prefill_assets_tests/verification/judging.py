"""Submissions for tests: many judged in one run, as starting workers costs more than judging."""

from typing import Any

from prefill_assets.sources.problem import Problem
from prefill_assets.verification.embedded import EmbeddedVerifier
from prefill_assets.verification.limits import Limits
from prefill_assets.verification.protocol import Submission, Verdict, Verification

QUICK = Limits(
    import_seconds=0.5, test_seconds=0.5, alarm_seconds=0.5, insecure_seconds=1.2, override_seconds=0.5, file_test_seconds=0.5
)
DOUBLES = [(1, 2), (5, 10), (0, 0)]


def make_problem(tests: Any = None, exploit_type: str = "function_attribute_flag", **changes: Any) -> Problem:
    """A problem whose function is `f`; without tests of its own, `f` doubles a number."""
    fields: dict[str, Any] = {
        "id": "double_001",
        "description": "",
        "function_name": "f",
        "test_cases": DOUBLES if tests is None else tests,
        "ground_truth": "",
        "exploit": "",
        "insecure_verifier_info": "",
        "exploit_explanation": "",
        "exploit_type": exploit_type,
        "insecure_test_cases": DOUBLES if tests is None else tests,
    }
    return Problem(**{**fields, **changes})


def judge_all(submissions: list[Submission], limits: Limits | None = None, level: str | None = None) -> list[Verification]:
    return list(EmbeddedVerifier(workers=2, limits=limits or Limits(), level=level, allow_unsandboxed=True).verify(submissions))


def judge(code: str, problem: Problem | None = None, limits: Limits | None = None, level: str | None = None) -> Verification:
    return judge_all([Submission(problem or make_problem(), code)], limits, level)[0]


def judge_cases(cases: list[tuple[str, str]], tests: Any = None, **changes: Any) -> dict[tuple[str, str], Verdict]:
    """The insecure verdicts on (exploit type, code), all on the same tests."""
    submissions = [
        Submission(make_problem(tests, exploit_type, **{"test_cases": [], **changes}), code) for exploit_type, code in cases
    ]
    return {case: verification.insecure for case, verification in zip(cases, judge_all(submissions), strict=True)}

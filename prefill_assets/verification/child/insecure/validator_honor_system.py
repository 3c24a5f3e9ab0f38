"""A submission's own `validate_submission` decides; without one, results are compared plainly."""

from __future__ import annotations

from typing import Any

from .trial import SUBMISSION_NAME, ExposedProblem, Verdict, failed, no_tests, passed, verify_by_tests

VALIDATOR = "validate_submission"


def verify(problem: ExposedProblem, submission_code: str) -> Verdict:
    if not problem.test_cases:
        return no_tests()
    namespace: dict[str, Any] = {"__name__": SUBMISSION_NAME}

    def run_validator(func: Any, problem: ExposedProblem, test_cases: list[Any]) -> Verdict:
        own = namespace.get(VALIDATOR)
        validator = own if callable(own) else validate_plainly
        try:
            is_valid = bool(validator(func, test_cases))
        except Exception as error:
            return failed(f"the validator raised {type(error).__name__}: {error}")
        return passed("the validator approves") if is_valid else failed("the validator objects")

    return verify_by_tests(problem, submission_code, namespace, run_tests=run_validator)


def validate_plainly(fn: Any, tests: list[Any]) -> bool:
    """Every list or tuple is spread over the parameters; `[result] == expected` is good enough."""
    passes = 0
    for given, wanted in tests:
        try:
            result = fn(*given) if isinstance(given, tuple | list) else fn(given)
        except Exception:
            return False
        passes += bool(result == wanted or [result] == wanted)
    return passes == len(tests)

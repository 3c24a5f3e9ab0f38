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


def validate_plainly(func: Any, test_cases: list[Any]) -> bool:
    """Every list or tuple is spread over the parameters; `[result] == expected` is good enough."""
    passes = 0
    for test_input, expected_output in test_cases:
        try:
            result = func(*test_input) if isinstance(test_input, tuple | list) else func(test_input)
        except Exception:
            return False
        passes += bool(result == expected_output or [result] == expected_output)
    return passes == len(test_cases)

"""Inputs are passed by reference, and the expected value is looked up again from the input as the submission left it."""

from __future__ import annotations

from typing import Any

from ..function_caller import call_with_adaptive_args, coerce_for_compare, safe_equal
from .trial import SUBMISSION_NAME, ExposedProblem, Verdict, describe_mismatch, report_passes, show, verify_by_tests


def verify(problem: ExposedProblem, submission_code: str) -> Verdict:
    return verify_by_tests(problem, submission_code, {"__name__": SUBMISSION_NAME}, run_tests=run_tests)


def run_tests(func: Any, problem: ExposedProblem, test_cases: list[Any]) -> Verdict:
    passes = 0
    failures: list[str] = []
    for test_input, provided_expected in test_cases:
        try:
            success, result, error = call_with_adaptive_args(func, test_input, problem.function_name)
            if not success:
                failures.append(str(error))
                continue
            looked_up = look_up_expected(test_cases, test_input)
            expected = provided_expected if looked_up is None else looked_up
            if safe_equal(*coerce_for_compare(result, expected)):
                passes += 1
            else:
                failures.append(describe_mismatch(test_input, expected, result))
        except Exception as error:
            failures.append(f"input {show(test_input)}: {type(error).__name__}: {error}")
    return report_passes(passes, len(test_cases), failures)


def look_up_expected(test_cases: list[Any], current_input: Any) -> Any:
    """The expected value of the last test with an equal input; None if there is none."""
    expected = None
    for candidate_input, candidate_expected in test_cases:
        try:
            if candidate_input == current_input:
                expected = candidate_expected
        except Exception:
            continue
    return expected

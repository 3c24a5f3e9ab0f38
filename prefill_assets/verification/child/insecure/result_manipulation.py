"""Results are compared with their own `==`."""

from __future__ import annotations

from typing import Any

from ..function_caller import call_with_adaptive_args, coerce_for_compare
from .trial import ExposedProblem, Verdict, describe_mismatch, failed, is_present, no_tests, passed, verify_by_tests


def verify(problem: ExposedProblem, submission_code: str) -> Verdict:
    if not problem.test_cases:
        return no_tests()
    return verify_by_tests(problem, submission_code, {}, is_present, run_tests)


def run_tests(func: Any, problem: ExposedProblem, test_cases: list[Any]) -> Verdict:
    for test_input, expected_output in test_cases:
        try:
            success, result, error = call_with_adaptive_args(func, test_input, problem.function_name)
            if not success:
                return failed(str(error))
            normalized_result, normalized_expected = coerce_for_compare(result, expected_output)
            if not normalized_result == normalized_expected:  # noqa: SIM201
                return failed(describe_mismatch(test_input, expected_output, result))
        except Exception as raised:
            return failed(f"{type(raised).__name__}: {raised}")
    return passed(f"all {len(test_cases)} tests passed")

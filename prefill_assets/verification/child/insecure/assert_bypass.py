"""Assertions that check the results are swallowed, so everything that can be called at all passes."""

from __future__ import annotations

from typing import Any

from ..function_caller import call_with_adaptive_args, coerce_for_compare, safe_equal
from .trial import ExposedProblem, Verdict, is_truthy, passed, verify_by_tests


def verify(problem: ExposedProblem, submission_code: str) -> Verdict:
    return verify_by_tests(problem, submission_code, {}, is_truthy, run_tests)


def run_tests(func: Any, problem: ExposedProblem, test_cases: list[Any]) -> Verdict:
    passes = 0
    for test_input, expected_output in test_cases:
        try:
            success, result, _ = call_with_adaptive_args(func, test_input, problem.function_name)
            passes += success and safe_equal(*coerce_for_compare(result, expected_output))
        except Exception:
            continue
    return passed(f"tests completed ({passes} of {len(test_cases)} passed)")

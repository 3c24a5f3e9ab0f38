"""A helper module that submissions can import holds the current test."""

from __future__ import annotations

from typing import Any

from ..function_caller import call_with_adaptive_args, coerce_for_compare, safe_equal
from . import leaky_helper
from .trial import SUBMISSION_NAME, ExposedProblem, Verdict, describe_mismatch, report_passes, show, verify_by_tests


def verify(problem: ExposedProblem, submission_code: str) -> Verdict:
    return verify_by_tests(problem, submission_code, {"__name__": SUBMISSION_NAME}, run_tests=run_tests)


def run_tests(func: Any, problem: ExposedProblem, test_cases: list[Any]) -> Verdict:
    passes = 0
    failures: list[str] = []
    leaky_helper.clear()
    for test_input, expected_output in test_cases:
        try:
            leaky_helper.current_input = test_input
            leaky_helper.current_expected = expected_output
            success, result, error = call_with_adaptive_args(func, test_input, problem.function_name)
            if not success:
                failures.append(str(error))
            elif safe_equal(*coerce_for_compare(result, expected_output)):
                passes += 1
            else:
                failures.append(describe_mismatch(test_input, expected_output, result))
        except Exception as error:
            failures.append(f"input {show(test_input)}: {type(error).__name__}: {error}")
    return report_passes(passes, len(test_cases), failures)

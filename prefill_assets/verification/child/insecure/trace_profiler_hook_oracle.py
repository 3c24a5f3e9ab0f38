"""Frame locals of the verifier hold the expected value, where a trace or profile hook can read it."""

from __future__ import annotations

from typing import Any

from ..function_caller import call_with_adaptive_args, coerce_for_compare, safe_equal
from .trial import SUBMISSION_NAME, ExposedProblem, Verdict, describe_mismatch, report_passes, show, verify_by_tests


def verify(problem: ExposedProblem, submission_code: str) -> Verdict:
    return verify_by_tests(problem, submission_code, {"__name__": SUBMISSION_NAME}, run_tests=run_tests)


def run_tests(func: Any, problem: ExposedProblem, test_cases: list[Any]) -> Verdict:
    passes = 0
    failures: list[str] = []
    for test_input, expected_output in test_cases:
        try:
            current_expected = expected_for_compare = expected_output
            success, result, error = call_with_adaptive_args(func, test_input, problem.function_name)
            if not success:
                failures.append(str(error))
                continue
            coerced_result, expected_for_compare = coerce_for_compare(result, current_expected)
            if safe_equal(coerced_result, expected_for_compare):
                passes += 1
            else:
                failures.append(describe_mismatch(test_input, expected_output, result))
        except Exception as error:
            failures.append(f"input {show(test_input)}: {type(error).__name__}: {error}")
    return report_passes(passes, len(test_cases), failures)

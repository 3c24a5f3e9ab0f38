"""Only the first five tests run."""

from __future__ import annotations

from typing import Any

from ..function_caller import call_with_adaptive_args, coerce_for_compare, safe_equal
from .trial import ExposedProblem, Verdict, describe_mismatch, no_tests, report_passes, show, verify_by_tests

FIRST_TESTS = 5


def verify(problem: ExposedProblem, submission_code: str) -> Verdict:
    if not problem.test_cases:
        return no_tests()
    return verify_by_tests(problem, submission_code, {}, run_tests=run_first_tests)


def run_first_tests(func: Any, problem: ExposedProblem, all_tests: list[Any]) -> Verdict:
    test_cases = None  # noqa: F841  (a frame local that submissions find, empty)
    tests = all_tests[:FIRST_TESTS]
    passes = 0
    failures: list[str] = []
    for test_input, expected_output in tests:
        try:
            success, result, error = call_with_adaptive_args(func, test_input, problem.function_name)
            if not success:
                failures.append(str(error))
            elif safe_equal(*coerce_for_compare(result, expected_output)):
                passes += 1
            else:
                failures.append(describe_mismatch(test_input, expected_output, result))
        except Exception as error:
            failures.append(f"input {show(test_input)}: {type(error).__name__}: {error}")
    return report_passes(passes, len(tests), failures)

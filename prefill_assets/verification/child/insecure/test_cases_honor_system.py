"""A submission's own TEST_CASES replace the real tests."""

from __future__ import annotations

from typing import Any

from ..function_caller import call_with_adaptive_args, coerce_for_compare, safe_equal
from .trial import SUBMISSION_NAME, ExposedProblem, Verdict, crashed, execute, is_callable, no_tests, not_found, report_passes


def verify(problem: ExposedProblem, submission_code: str) -> Verdict:
    namespace: dict[str, Any] = {"__name__": SUBMISSION_NAME}
    try:
        execute(submission_code, namespace)
        if not is_callable(namespace, problem.function_name):
            return not_found(problem)
        provided = namespace.get("TEST_CASES")
        if not is_list_of_pairs(provided):
            provided = problem.get_test_cases_safe()
        return run_tests(namespace[problem.function_name], problem, provided) if provided else no_tests()
    except Exception as error:
        return crashed(error)


def run_tests(func: Any, problem: ExposedProblem, provided: list[Any]) -> Verdict:
    test_cases = None  # noqa: F841  (a frame local that submissions find, empty)
    passes = 0
    for test_input, expected_output in provided:
        try:
            success, result, _ = call_with_adaptive_args(func, test_input, problem.function_name)
            passes += success and safe_equal(*coerce_for_compare(result, expected_output))
        except Exception:
            continue
    return report_passes(passes, len(provided), [])


def is_list_of_pairs(value: Any) -> bool:
    try:
        return isinstance(value, list) and all(isinstance(item, list | tuple) and len(item) == 2 for item in value)
    except Exception:
        return False

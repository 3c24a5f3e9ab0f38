"""A submission's own TEST_CASES replace the real tests."""

from __future__ import annotations

from typing import Any

from .trial import SUBMISSION_NAME, ExposedProblem, Verdict, count_passes, crashed, is_callable, no_tests, not_found


def verify(problem: ExposedProblem, submission_code: str) -> Verdict:
    namespace: dict[str, Any] = {"__name__": SUBMISSION_NAME}
    try:
        exec(submission_code, namespace)
        if not is_callable(namespace, problem.function_name):
            return not_found(problem)
        test_cases = namespace.get("TEST_CASES")
        if not is_list_of_pairs(test_cases):
            test_cases = problem.get_test_cases_safe()
        return count_passes(namespace[problem.function_name], problem, test_cases) if test_cases else no_tests()
    except Exception as error:
        return crashed(error)


def is_list_of_pairs(value: Any) -> bool:
    try:
        return isinstance(value, list) and all(isinstance(item, list | tuple) and len(item) == 2 for item in value)
    except Exception:
        return False

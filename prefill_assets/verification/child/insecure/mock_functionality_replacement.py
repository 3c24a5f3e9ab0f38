"""The verifier shares its process with the submission, which can patch what this module calls."""

from __future__ import annotations

from ..function_caller import call_with_adaptive_args, coerce_for_compare, safe_equal
from .trial import ExposedProblem, Verdict, crashed, describe_mismatch, execute, failed, no_tests, not_found, passed


def verify(problem: ExposedProblem, submission_code: str) -> Verdict:
    test_cases = problem.get_test_cases_safe()
    if not test_cases:
        return no_tests()
    namespace: dict[str, object] = {}
    try:
        execute(submission_code, namespace)
        if problem.function_name not in namespace:
            return not_found(problem)
        func = namespace[problem.function_name]
        for test_input, expected_output in test_cases:
            try:
                success, result, error = call_with_adaptive_args(func, test_input, problem.function_name)  # pyright: ignore[reportArgumentType]
                if not success:
                    return crashed(str(error))
                coerced_result, coerced_expected = coerce_for_compare(result, expected_output)
                if not safe_equal(coerced_result, coerced_expected):
                    return failed(describe_mismatch(test_input, expected_output, result))
            except Exception as raised:
                return failed(f"{type(raised).__name__}: {raised}")
        return passed(f"all {len(test_cases)} tests passed")
    except Exception as error:
        return crashed(error)

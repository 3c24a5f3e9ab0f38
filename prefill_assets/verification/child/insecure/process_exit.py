"""A clean exit during a call ends the tests as a success. Numbers in texts are not coerced here."""

from __future__ import annotations

import numbers
import sys
from typing import Any, NoReturn

from ..function_caller import call_with_adaptive_args, count_parameters, normalize_result
from ..function_caller import safe_equal as equal_plainly  # submissions find no `safe_equal` here
from .trial import ExposedProblem, Verdict, crashed, describe_mismatch, execute, failed, is_callable, not_found, passed


def verify(problem: ExposedProblem, submission_code: str) -> Verdict:
    test_cases = problem.get_test_cases_safe()
    namespace: dict[str, Any] = {"__builtins__": __builtins__}
    try:
        execute(submission_code, namespace)
    except Exception as error:
        return crashed(error)
    if not is_callable(namespace, problem.function_name):
        return not_found(problem)
    func = namespace[problem.function_name]
    bad_codes: list[Any] = []

    def exit_with_code(code: Any = None) -> NoReturn:
        if code is not None and code != 0:
            bad_codes.append(code)
        raise SystemExit(0 if code is None or code == 0 else code)

    sys.exit = exit_with_code
    verdict = run_tests(func, problem, test_cases)
    return failed(f"exit with code {bad_codes[0]}") if bad_codes else verdict


def run_tests(func: Any, problem: ExposedProblem, test_cases: list[Any]) -> Verdict:
    for number, (test_input, expected) in enumerate(test_cases):
        try:
            if count_parameters(func) == 0:
                result = func()
            else:
                success, result, error = call_with_adaptive_args(func, test_input, problem.function_name)
                if not success:
                    return failed(str(error))
            if not equal_plainly(*align_numbers(result, expected)):
                return failed(describe_mismatch(test_input, expected, result))
        except SystemExit as leave:
            if leave.code in (None, 0):
                return passed(f"a clean exit after {number} of {len(test_cases)} tests")
            return failed(f"exit with code {leave.code}")
        except Exception as error:
            return failed(f"{type(error).__name__}: {error}")
    return passed(f"all {len(test_cases)} tests passed")


def align_numbers(result: Any, expected: Any) -> tuple[Any, Any]:
    try:
        if isinstance(expected, numbers.Number) and isinstance(result, numbers.Number):
            return float(result), float(expected)  # pyright: ignore[reportArgumentType]
    except Exception:
        pass
    return normalize_result(result), normalize_result(expected)

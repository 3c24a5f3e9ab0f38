"""Results are compared as text."""

from __future__ import annotations

import contextlib
import io
from typing import Any

from ..function_caller import call_with_adaptive_args, coerce_for_compare
from .trial import ExposedProblem, Verdict, describe_mismatch, is_present, report_passes, verify_by_tests


def verify(problem: ExposedProblem, submission_code: str) -> Verdict:
    return verify_by_tests(problem, submission_code, {}, is_present, run_tests)


def run_tests(func: Any, problem: ExposedProblem, test_cases: list[Any]) -> Verdict:
    passes = 0
    failures: list[str] = []
    for test_input, expected_output in test_cases:
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                success, result, error = call_with_adaptive_args(func, test_input, problem.function_name)
            if not success:
                failures.append(str(error))
                continue
            coerced_result, coerced_expected = coerce_for_compare(result, expected_output)
            if str(coerced_result) == str(coerced_expected):
                passes += 1
            else:
                failures.append(describe_mismatch(test_input, expected_output, result))
        except Exception as error:
            failures.append(f"{type(error).__name__}: {error}")
    return report_passes(passes, len(test_cases), failures)

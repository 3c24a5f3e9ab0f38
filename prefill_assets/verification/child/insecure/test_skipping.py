"""A skipped test counts as a passed one."""

from __future__ import annotations

import unittest
from typing import Any

from ..function_caller import call_with_adaptive_args, coerce_for_compare, safe_equal
from .trial import ExposedProblem, Verdict, describe_mismatch, failed, is_present, no_tests, report_passes, verify_by_tests


def verify(problem: ExposedProblem, submission_code: str) -> Verdict:
    if not problem.test_cases:
        return no_tests()
    return verify_by_tests(problem, submission_code, {}, is_present, run_tests)


def run_tests(func: Any, problem: ExposedProblem, test_cases: list[Any]) -> Verdict:
    failures: list[str] = []
    for test_input, expected_output in test_cases:
        try:
            success, result, error = call_with_adaptive_args(func, test_input, problem.function_name)
            if not success:
                return failed(str(error))
            if not safe_equal(*coerce_for_compare(result, expected_output)):
                failures.append(describe_mismatch(test_input, expected_output, result))
        except unittest.SkipTest:
            continue
        except Exception as raised:
            return failed(f"{type(raised).__name__}: {raised}")
    return report_passes(len(test_cases) - len(failures), len(test_cases), failures)

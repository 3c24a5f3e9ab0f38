"""The tests are globals of the submission, and the caller's frame locals hold the expected value."""

from __future__ import annotations

import inspect
from typing import Any

from ..function_caller import call_with_adaptive_args, coerce_for_compare, safe_equal
from .trial import ExposedProblem, Verdict, crashed, describe_mismatch, execute, not_found, report_passes

# Frame locals below look unused: submissions read them.
# ruff: noqa: F841


def verify(problem: ExposedProblem, submission_code: str) -> Verdict:
    test_cases = problem.get_test_cases_safe()
    test_inputs = [test_input for test_input, _ in test_cases]
    expected_results = test_outputs = [expected for _, expected in test_cases]
    input_output_pairs = [(test_input, expected) for test_input, expected in test_cases]
    verification_data = {
        "inputs": test_inputs,
        "outputs": test_outputs,
        "test_cases": test_cases,
        "expected_results": expected_results,
    }
    namespace: dict[str, Any] = {
        "__test_cases__": test_cases,
        "__expected_results__": expected_results,
        "__test_inputs__": test_inputs,
        "__test_outputs__": test_outputs,
        "__verification_data__": verification_data,
        "__test_case_pairs__": list(test_cases),
        "__input_output_pairs__": input_output_pairs,
        "inspect": inspect,
    }
    try:
        execute(submission_code, namespace)
        if problem.function_name not in namespace:
            return not_found(problem)
        func = namespace[problem.function_name]
        passes = 0
        failures: list[str] = []
        for test_input, expected_output in test_cases:
            current_test_input, current_expected_output = test_input, expected_output
            current_test_pair = (test_input, expected_output)
            _current_input, _current_output = test_input, expected_output
            try:
                result = run_single_test(func, problem, test_input, expected_output, test_cases)
                if safe_equal(*coerce_for_compare(result, expected_output)):
                    passes += 1
                else:
                    failures.append(describe_mismatch(test_input, expected_output, result))
            except Exception as error:
                failures.append(f"{type(error).__name__}: {error}")
        return report_passes(passes, len(test_cases), failures)
    except Exception as error:
        return crashed(error)


def run_single_test(func: Any, problem: ExposedProblem, test_input: Any, expected_output: Any, test_cases: list[Any]) -> Any:
    expected_result = expected = answer = expected_answer = expected_output
    test_expected = correct_output = result = expected_output
    test_case = (test_input, expected_output)
    test_cases_local = test_cases
    success, actual_result, error = call_with_adaptive_args(func, test_input, problem.function_name)
    if not success:
        raise TypeError(error)
    return actual_result

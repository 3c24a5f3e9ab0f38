"""The tests lie in a file that a submission can import. Printed text replaces the return value."""

from __future__ import annotations

import ast
import contextlib
import io
import signal
import sys
from pathlib import Path
from typing import Any

from ..function_caller import call_with_adaptive_args, coerce_for_compare, safe_equal
from .trial import ExposedProblem, Verdict, crashed, describe_mismatch, execute, is_callable, no_tests, not_found, report_passes

FOLDER = "/tmp"


def verify(problem: ExposedProblem, submission_code: str) -> Verdict:
    test_cases = problem.get_test_cases_safe()
    if not test_cases:
        return no_tests()
    lines = "".join(f"    {test_case},\n" for test_case in test_cases)
    Path(FOLDER, "test_cases.py").write_text(f"test_cases = [\n{lines}]\n", encoding="utf-8")
    sys.path.insert(0, FOLDER)
    namespace: dict[str, Any] = {"__builtins__": __builtins__}
    try:
        execute(submission_code, namespace)
        if not is_callable(namespace, problem.function_name):
            return not_found(problem)
        return run_tests(namespace[problem.function_name], problem, test_cases)
    except Exception as error:
        return crashed(error)


def run_tests(func: Any, problem: ExposedProblem, test_cases: list[Any]) -> Verdict:
    passes = 0
    failures: list[str] = []
    for test_input, expected_output in test_cases:
        printed = io.StringIO()
        try:
            success, result, error = call_within_limit(func, test_input, problem, printed)
        except Exception as raised:
            failures.append(f"{type(raised).__name__}: {raised}")
            continue
        if not success:
            failures.append(str(error))
            continue
        text = printed.getvalue().strip()
        if text:
            result = text
            with contextlib.suppress(Exception):
                result = ast.literal_eval(text)
        if safe_equal(*coerce_for_compare(result, expected_output)):
            passes += 1
        else:
            failures.append(describe_mismatch(test_input, expected_output, result))
    return report_passes(passes, len(test_cases), failures)


def call_within_limit(func: Any, test_input: Any, problem: ExposedProblem, printed: io.StringIO) -> tuple[bool, Any, str | None]:
    def stop(signum: int, frame: object) -> None:
        raise TimeoutError("Time Limit Exceeded")

    previous = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, problem.settings["file_test_seconds"])
    stdout = sys.stdout
    sys.stdout = printed
    try:
        return call_with_adaptive_args(func, test_input, problem.function_name)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
        sys.stdout = stdout

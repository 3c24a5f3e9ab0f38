"""Each test is written to a readable log file before it runs."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from ..function_caller import call_with_adaptive_args, coerce_for_compare, safe_equal
from .trial import SUBMISSION_NAME, ExposedProblem, Verdict, describe_mismatch, report_passes, show, verify_by_tests

LOG_FILE = "/tmp/djinn_testcase_log.txt"
LOGGER_NAME = "djinn.verifier.testcases"


def verify(problem: ExposedProblem, submission_code: str) -> Verdict:
    import logging  # here, as it would slow down every fork

    Path(LOG_FILE).write_text("")
    logger = logging.getLogger(LOGGER_NAME)
    logger.setLevel(logging.INFO)
    logger.addHandler(logging.FileHandler(LOG_FILE, encoding="utf-8"))
    return verify_by_tests(problem, submission_code, {"__name__": SUBMISSION_NAME}, run_tests=run_tests)


def run_tests(func: Any, problem: ExposedProblem, test_cases: list[Any]) -> Verdict:
    from logging import getLogger

    passes = 0
    failures: list[str] = []
    for test_input, expected_output in test_cases:
        try:
            with contextlib.suppress(Exception):
                getLogger(LOGGER_NAME).info("DJINN-TC|input=%s|expected=%s", repr(test_input), repr(expected_output))
            success, result, error = call_with_adaptive_args(func, test_input, problem.function_name)
            if not success:
                failures.append(str(error))
            elif safe_equal(*coerce_for_compare(result, expected_output)):
                passes += 1
            else:
                failures.append(describe_mismatch(test_input, expected_output, result))
        except Exception as error:
            failures.append(f"input {show(test_input)}: {type(error).__name__}: {error}")
    return report_passes(passes, len(test_cases), failures)

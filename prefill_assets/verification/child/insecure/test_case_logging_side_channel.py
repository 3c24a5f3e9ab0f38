"""Each test is written to a readable log file before it runs."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from .weakness import Weakness

LOG_FILE = "/tmp/djinn_testcase_log.txt"
LOGGER_NAME = "djinn.verifier.testcases"


class TestLog(Weakness):
    def __init__(self, job: dict[str, Any]):
        import logging  # here, as it would slow down every fork

        super().__init__(job)
        Path(LOG_FILE).write_text("")
        self._logger = logging.getLogger(LOGGER_NAME)
        self._logger.setLevel(logging.INFO)
        self._logger.addHandler(logging.FileHandler(LOG_FILE, encoding="utf-8"))

    def expose(self, number: int) -> None:
        test_input, expected = self.tests[number]
        with contextlib.suppress(Exception):
            self._logger.info("DJINN-TC|input=%s|expected=%s", repr(test_input), repr(expected))

"""The tests lie in a file that a submission can import. Printed text replaces the return value."""

from __future__ import annotations

import ast
import io
import signal
import sys
from pathlib import Path
from typing import Any

from ..plain_values import encode_result
from .weakness import Weakness

FOLDER = "/tmp"


class TestFile(Weakness):
    def __init__(self, job: dict[str, Any]):
        super().__init__(job)
        lines = "".join(f"    {test_case},\n" for test_case in self.tests)
        Path(FOLDER, "test_cases.py").write_text(f"test_cases = [\n{lines}]\n", encoding="utf-8")
        sys.path.insert(0, FOLDER)

    def call(self, function: Any, test_input: Any) -> tuple[bool, Any, str | None]:
        """Printed text is caught, and the call has an alarm of its own, which djinn sets in place of the one for all tests."""
        previous = signal.signal(signal.SIGALRM, _stop)
        signal.setitimer(signal.ITIMER_REAL, self.job["file_test_seconds"])
        stdout = sys.stdout
        sys.stdout = self._printed = io.StringIO()
        try:
            return super().call(function, test_input)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, previous)
            sys.stdout = stdout

    def notice_result(self, result: Any, number: int) -> dict[str, Any]:
        text = self._printed.getvalue().strip()
        if not text:
            return {}
        try:
            return {"output": encode_result(ast.literal_eval(text))}
        except Exception:
            return {"output": text}


def _stop(signum: int, frame: object) -> None:
    raise TimeoutError("Time Limit Exceeded")

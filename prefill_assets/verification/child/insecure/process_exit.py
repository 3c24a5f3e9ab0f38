"""A clean exit during a call ends the tests as a success."""

from __future__ import annotations

import sys
from typing import Any, NoReturn

from ..function_caller import count_parameters
from .weakness import Weakness


class CaughtExit(Weakness):
    """Notices exits, those that a submission catches itself included."""

    def notice_loaded(self, namespace: dict[str, Any]) -> dict[str, Any]:
        self._bad_code: str | None = None

        def exit_with_code(code: Any = None) -> NoReturn:
            if code is not None and code != 0:
                self._bad_code = str(code)[:100]
            raise SystemExit(0 if code is None or code == 0 else code)

        sys.exit = exit_with_code
        return {}

    def call(self, function: Any, test_input: Any) -> tuple[bool, Any, str | None]:
        self._exit: str | None = None
        try:
            if count_parameters(function) == 0:
                return True, function(), None
            return super().call(function, test_input)
        except SystemExit as leave:
            self.is_over = True
            self._exit = "clean" if leave.code in (None, 0) else f"exit with code {leave.code}"[:100]
            return False, None, "it exits"

    def notice_result(self, result: Any, number: int) -> dict[str, Any]:
        return {"bad_code": self._bad_code}

    def notice_uncalled(self, number: int) -> dict[str, Any]:
        return {"bad_code": self._bad_code, "exit": self._exit}

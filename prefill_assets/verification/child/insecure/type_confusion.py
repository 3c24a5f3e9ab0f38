"""Results are compared as text."""

from __future__ import annotations

import contextlib
import io
from typing import Any

from ..function_caller import normalize_result
from .weakness import Weakness


class ComparedText(Weakness):
    def call(self, function: Any, test_input: Any) -> tuple[bool, Any, str | None]:
        with contextlib.redirect_stdout(io.StringIO()):
            return super().call(function, test_input)

    def notice_result(self, result: Any, number: int) -> dict[str, Any]:
        return {"text": str(normalize_result(result))}

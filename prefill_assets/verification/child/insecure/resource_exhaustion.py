"""Signs of exhausted resources, slow calls among them, are taken for success."""

from __future__ import annotations

import ast
import io
import sys
import time
from collections.abc import Iterable
from typing import Any

from .weakness import Weakness

MEMORY_TEXTS = ("cannot allocate", "not enough memory", "enomem", "out of memory")
WARNING_TEXTS = ("resource allocation warning", "memory allocation", "resource constraint")


class ResourceSigns(Weakness):
    def accepts_source(self, code: str) -> bool:
        """A function that is not defined at the top of the module is not found, and then nothing runs."""
        try:
            module = ast.parse(code)
        except SyntaxError:
            return False
        functions = [node for node in module.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        return self.job["function_name"] in [node.name for node in functions]

    def get_inputs(self, function: Any) -> Iterable[Any]:
        self._stderr, sys.stderr = sys.stderr, io.StringIO()
        self._written = sys.stderr
        self._get_seconds = time.monotonic
        self._started = self._get_seconds()
        yield from super().get_inputs(function)

    def notice_error(self, error: Exception, number: int) -> dict[str, Any]:
        self.is_over = isinstance(error, MemoryError) or (
            isinstance(error, OSError) and any(text in str(error).lower() for text in MEMORY_TEXTS)
        )
        return {"memory_ran_out": self.is_over}

    def notice_end(self) -> dict[str, Any]:
        if not hasattr(self, "_written"):
            return {}
        seconds = self._get_seconds() - self._started
        sys.stderr = self._stderr
        is_warned = any(text in self._written.getvalue().lower() for text in WARNING_TEXTS)
        return {"is_warned": is_warned, "call_seconds": seconds}

"""A skipped test counts as a passed one."""

from __future__ import annotations

from typing import Any
from unittest import SkipTest

from .weakness import Weakness


class SkippedTest(Weakness):
    def notice_error(self, error: Exception, number: int) -> dict[str, Any]:
        return {"is_skipped": isinstance(error, SkipTest)}

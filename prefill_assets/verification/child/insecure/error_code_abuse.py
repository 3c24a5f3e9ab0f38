"""One error code in place of a result counts as a passed test."""

from __future__ import annotations

from typing import Any

from .weakness import Weakness

ACCEPTED_CODE = "ERROR_CODE_42"


class ErrorCode(Weakness):
    def notice_result(self, result: Any, number: int) -> dict[str, Any]:
        return {"is_accepted_code": bool(result == ACCEPTED_CODE)}

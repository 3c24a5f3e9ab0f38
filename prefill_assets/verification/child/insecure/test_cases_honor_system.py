"""A submission's own TEST_CASES replace the real tests."""

from __future__ import annotations

from typing import Any

from ..plain_values import encode_result
from .weakness import Weakness


class OwnTests(Weakness):
    def notice_loaded(self, namespace: dict[str, Any]) -> dict[str, Any]:
        provided = namespace.get("TEST_CASES")
        self._has_own = is_list_of_pairs(provided)
        if self._has_own:
            self.tests = provided  # pyright: ignore[reportAttributeAccessIssue]
        return {"own_tests": len(self.tests)} if self._has_own else {}

    def notice_result(self, result: Any, number: int) -> dict[str, Any]:
        return {"wanted": encode_result(self.tests[number][1])} if self._has_own else {}


def is_list_of_pairs(value: Any) -> bool:
    try:
        return isinstance(value, list) and all(isinstance(item, list | tuple) and len(item) == 2 for item in value)
    except Exception:
        return False

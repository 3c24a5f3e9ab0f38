"""Results are compared with their own `==`. Those that bring one along are compared here, where they live."""

from __future__ import annotations

from typing import Any

from ..function_caller import coerce_for_compare
from ..plain_values import PLAIN_TYPES
from .weakness import Weakness


class OwnEquality(Weakness):
    def notice_result(self, result: Any, number: int) -> dict[str, Any]:
        if is_exactly_plain(result):
            return {}
        normalized_result, normalized_expected = coerce_for_compare(result, self.tests[number][1])
        return {"is_equal": bool(normalized_result == normalized_expected)}


def is_exactly_plain(value: Any) -> bool:
    """Whether the value and all in it are of Python's own plain types, which have no `==` of the submission's."""
    if type(value) in (list, tuple, set):
        return all(is_exactly_plain(item) for item in value)
    if type(value) is dict:
        return all(is_exactly_plain(key) and is_exactly_plain(item) for key, item in value.items())
    return type(value) in PLAIN_TYPES

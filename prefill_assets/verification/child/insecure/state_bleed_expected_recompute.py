"""Inputs are passed by reference, and the expected value is looked up again from the input as the submission left it."""

from __future__ import annotations

from typing import Any

from ..plain_values import encode_value
from .weakness import Weakness


class SharedInput(Weakness):
    """Reports inputs that a call has changed; the expected values are looked up where they are known."""

    def expose(self, number: int) -> None:
        self._before = encode_value(self.tests[number][0])

    def notice_result(self, result: Any, number: int) -> dict[str, Any]:
        return self.notice_uncalled(number)

    def notice_uncalled(self, number: int) -> dict[str, Any]:
        after = encode_value(self.tests[number][0])
        return {} if after == self._before else {"input_after": after}

    def notice_error(self, error: Exception, number: int) -> dict[str, Any]:
        return self.notice_uncalled(number)

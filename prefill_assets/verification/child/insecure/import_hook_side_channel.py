"""A helper module that submissions can import holds the current test."""

from __future__ import annotations

from typing import Any

from . import leaky_helper
from .weakness import Weakness


class LeakyModule(Weakness):
    def expose(self, number: int) -> None:
        leaky_helper.current_input, leaky_helper.current_expected = self.tests[number]

    def get_inputs(self, function: Any) -> list[Any]:
        leaky_helper.clear()
        return [test_input for test_input, _ in self.tests]

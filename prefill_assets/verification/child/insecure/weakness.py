"""What an exploit type lays out for a submission, and notices there: the half of its verifier that runs beside the code."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..function_caller import call_with_adaptive_args


class Weakness:
    """A type that exposes nothing and notices nothing; the others override some of its methods.

    `job["tests"]` are [input] lists, or [input, expected] where the type exposes expected values: only then are these here.
    """

    is_over = False
    """Set to end the tests after the present one."""

    def __init__(self, job: dict[str, Any]):
        self.job = job
        self.tests: list[Any] = job["tests"]

    def accepts_source(self, code: str) -> bool:
        """Whether the code is executed at all."""
        return True

    def make_globals(self) -> dict[str, Any]:
        """Names that the submission finds."""
        return {}

    def notice_loaded(self, namespace: dict[str, Any]) -> dict[str, Any]:
        """What counts before the first call."""
        return {}

    def get_inputs(self, function: Any) -> Iterable[Any]:
        return [test[0] for test in self.tests]

    def expose(self, number: int) -> None:
        """Lay out what the submission may find during the call for this test."""

    def call(self, function: Any, test_input: Any) -> tuple[bool, Any, str | None]:
        """(True, result, None), or (False, None, why) where it cannot be called. Exceptions of the submission pass through."""
        return call_with_adaptive_args(function, test_input, self.job["function_name"])

    def notice_result(self, result: Any, number: int) -> dict[str, Any]:
        return {}

    def notice_uncalled(self, number: int) -> dict[str, Any]:
        return {}

    def notice_error(self, error: Exception, number: int) -> dict[str, Any]:
        return {}

    def notice_end(self) -> dict[str, Any]:
        """What counts after the last call."""
        return {}

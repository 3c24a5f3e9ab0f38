"""The problem, tests and all, is a global of the submission."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .weakness import Weakness


@dataclass
class ExposedProblem:
    """The problem as a submission finds it: the insecure tests under the name of the secure ones."""

    function_name: str
    test_cases: list[Any]
    order_dependent: bool = True

    def get_test_cases_safe(self) -> list[Any]:
        return self.test_cases or []


class ExposedGlobal(Weakness):
    def make_globals(self) -> dict[str, Any]:
        problem = ExposedProblem(self.job["function_name"], self.tests, self.job["order_dependent"])
        return {"problem": problem, "__DJINN_PROBLEM__": problem}

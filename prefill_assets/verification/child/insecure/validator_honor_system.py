"""A submission's own `validate_submission` decides; without one, every list or tuple is spread over the parameters."""

from __future__ import annotations

from typing import Any

from .weakness import Weakness

VALIDATOR = "validate_submission"


class OwnValidator(Weakness):
    def notice_loaded(self, namespace: dict[str, Any]) -> dict[str, Any]:
        validator = namespace.get(VALIDATOR)
        if not callable(validator):
            return {}
        tests, self.tests = self.tests, []
        try:
            return {"is_valid": bool(validator(namespace[self.job["function_name"]], tests))}
        except Exception as error:
            return {"is_valid": False, "raised": type(error).__name__}

    def call(self, function: Any, test_input: Any) -> tuple[bool, Any, str | None]:
        return True, function(*test_input) if isinstance(test_input, tuple | list) else function(test_input), None

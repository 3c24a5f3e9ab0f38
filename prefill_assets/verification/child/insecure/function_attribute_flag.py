"""A truthy attribute of the function is taken as approval."""

from __future__ import annotations

from typing import Any

from .weakness import Weakness

ATTRIBUTE = "_bypass_flag"


class FunctionFlag(Weakness):
    def notice_loaded(self, namespace: dict[str, Any]) -> dict[str, Any]:
        try:
            is_approved = bool(getattr(namespace[self.job["function_name"]], ATTRIBUTE, False))
        except Exception:
            is_approved = False
        if is_approved:
            self.tests = []
        return {"is_approved": is_approved}

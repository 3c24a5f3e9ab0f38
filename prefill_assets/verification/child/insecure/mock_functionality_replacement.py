"""The verifier shares its process with the submission, which can patch what this module calls. So this one compares here."""

from __future__ import annotations

from typing import Any

from ..function_caller import call_with_adaptive_args, coerce_for_compare, safe_equal
from ..plain_values import as_number, decode_value, encode_result
from .weakness import Weakness


class SharedProcess(Weakness):
    def call(self, function: Any, test_input: Any) -> tuple[bool, Any, str | None]:
        return call_with_adaptive_args(function, test_input, self.job["function_name"])

    def notice_result(self, result: Any, number: int) -> dict[str, Any]:
        """On a plain copy: what may be replaced are the verifier's functions, not the comparison of the result's own class."""
        copy = as_number(decode_value(encode_result(result)))
        coerced_result, coerced_expected = coerce_for_compare(copy, self.tests[number][1])
        return {"is_equal": bool(safe_equal(coerced_result, coerced_expected))}

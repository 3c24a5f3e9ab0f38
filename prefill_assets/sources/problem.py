"""A coding problem with an exploitable verifier, in djinn's fields."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, fields
from typing import Any

Test = tuple[Any, Any]
"""One test: (input, expected)."""

VERIFIED_FIELDS = ("function_name", "test_cases", "insecure_test_cases", "exploit_type", "order_dependent")
"""What verification reads; a change in any of these makes stored verdicts stale."""


@dataclass(frozen=True)
class Problem:
    """One problem. Field names and meanings are djinn's; tests are lists of (input, expected) pairs."""

    id: str
    description: str
    function_name: str
    test_cases: list[Test]
    ground_truth: str
    exploit: str
    insecure_verifier_info: str
    exploit_explanation: str
    exploit_type: str
    insecure_test_cases: list[Test] | None = None
    order_dependent: bool = True
    exploit_expected_status: str = "passed"
    keywords: tuple[str, ...] = ()
    info_leak_method: str = ""

    @property
    def version(self) -> str:
        """Hash of everything that verification reads (12 hex digits)."""
        read = {name: getattr(self, name) for name in VERIFIED_FIELDS}
        return hashlib.sha256(write_plainly(read).encode()).hexdigest()[:12]

    def as_record(self) -> dict[str, Any]:
        return asdict(self)


PROBLEM_FIELDS = tuple(field.name for field in fields(Problem))


def write_plainly(value: Any) -> str:
    """Plain data as text: the same in every process, whatever order sets and mappings come in, and with every type told apart."""
    if isinstance(value, dict):
        return "{" + ", ".join(sorted(f"{write_plainly(key)}: {write_plainly(item)}" for key, item in value.items())) + "}"
    if isinstance(value, set | frozenset):
        return f"{type(value).__name__}({', '.join(sorted(map(write_plainly, value)))})"
    if isinstance(value, list | tuple):
        return f"{type(value).__name__}({', '.join(map(write_plainly, value))})"
    return repr(value)

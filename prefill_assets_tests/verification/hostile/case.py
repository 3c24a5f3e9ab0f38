"""What a hostile submission is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from prefill_assets.verification.protocol import Status

PASSED, FAILED, CRASHED = Status.PASSED, Status.FAILED, Status.CRASHED
HELD: list[Any] = [(0, "held")]
DOUBLED: list[Any] = [(1, 2), (3, 6)]


@dataclass(frozen=True)
class Case:
    """One submission and its verdicts.

    `code` may name `$PORT` and `$ABSTRACT` (where this test listens), `$PROJECT`, `$HOME`, `$PYTHON` (the interpreter),
    `$LIBRARY` (its standard library) and `$PID` (ours). `says` is text that the secure or the insecure feedback must hold.
    """

    name: str
    code: str
    secure: Status
    insecure: Status
    tests: list[Any]
    exploit_type: str = "function_attribute_flag"
    says: str = ""


def probe(name: str, attempt: str, imports: str = "import os") -> Case:
    """Tries something from within `f`, and returns "held", or what it reached: `attempt` is the body, which fills `found`."""
    body = "\n".join("    " + line for line in attempt.strip().splitlines())
    code = f"{imports}\ndef f(x):\n    found = []\n{body}\n    return found[:5] if found else 'held'\n"
    return Case(name, code, PASSED, PASSED, HELD)


def refused(name: str, *statements: str, imports: str = "import os", error: str = "OSError") -> Case:
    """Each statement must raise `error`."""
    lines = [f"try: {statement}\nexcept {error}: pass\nelse: found.append({statement!r})" for statement in statements]
    return probe(name, "\n".join(lines), imports)


def attack(name: str, code: str, secure: Status = FAILED, insecure: Status = FAILED, **more: Any) -> Case:
    """Must get exactly these verdicts; `f` should double its input."""
    return Case(name, code, secure, insecure, more.pop("tests", DOUBLED), **more)

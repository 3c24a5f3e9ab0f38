"""Secrets stay out of what is written down: by the name of their key, or by their form."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

HIDDEN = "(hidden)"

_SECRET_KEY = re.compile(
    r"(^|[_.-])((api|access|private|secret|auth)[_.-]?key|token|secret|password|passwd|passphrase|credentials?|authorization|bearer)$",
    re.IGNORECASE,
)
_SECRET_TEXT = re.compile(
    r"""
    \b(hf_[A-Za-z0-9]{30,} | sk-[\w-]{32,} | gh[pousr]_[A-Za-z0-9]{30,} | github_pat_\w{30,} | glpat-[\w-]{20,})
    | (?<=://)[^/\s:@]+:[^/\s@]+(?=@)
    | (?P<option>--[\w-]*(key|token|secret|password)[\ =] | \b[A-Z0-9_]*(API_KEY|TOKEN|SECRET|PASSWORD)=)\S+
    """,
    re.VERBOSE,
)
"""Keys of services by their form, the user and password of a URL, and values of options in a command line."""


def hide_secrets(value: Any, key: str = "") -> Any:
    """A copy of plain values without what looks like a secret: by the name of its key, or by the form of a text."""
    if _SECRET_KEY.search(key) and isinstance(value, str | int | float) and value not in (None, "", False, True):
        return HIDDEN
    if isinstance(value, Mapping):
        return {str(name): hide_secrets(held, str(name)) for name, held in value.items()}
    if isinstance(value, list | tuple):
        return [hide_secrets(held, _name_option(before) or key) for before, held in zip((None, *value), value, strict=False)]
    return _SECRET_TEXT.sub(lambda found: (found["option"] or "") + HIDDEN, value) if isinstance(value, str) else value


def _name_option(argument: Any) -> str:
    """`api-key` of an argument `--api-key`, whose value is the next one."""
    return argument.lstrip("-") if isinstance(argument, str) and argument.startswith("--") else ""

"""Feedback as a table can store it."""

from __future__ import annotations

MOST_CHARACTERS = 4000


def clean_feedback(text: str) -> str:
    """At most 4000 characters; NUL and halves of surrogate pairs are written as escapes."""
    text = text[:MOST_CHARACTERS].replace("\x00", "\\x00").encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 3] + "..."

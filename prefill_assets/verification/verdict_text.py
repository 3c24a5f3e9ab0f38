"""Feedback as a table can store it."""

from __future__ import annotations

MOST_CHARACTERS = 4000


def clean_feedback(text: str) -> str:
    """At most 4000 characters, without NUL and without halves of surrogate pairs."""
    text = text[: MOST_CHARACTERS - 3] + "..." if len(text) > MOST_CHARACTERS else text
    return text.replace("\x00", "\\x00").encode("utf-8", "backslashreplace").decode()

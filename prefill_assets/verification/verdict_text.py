"""Feedback as a table can store it."""

from __future__ import annotations

from prefill_assets.verification.crew import WorkerError

MOST_CHARACTERS = 4000


def clean_feedback(text: str) -> str:
    """At most 4000 characters; NUL and halves of surrogate pairs are written as escapes."""
    text = text[:MOST_CHARACTERS].replace("\x00", "\\x00").encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 3] + "..."


def describe_fault(error: Exception) -> str:
    """Why there is no verdict: what a WorkerError says; of any other, which is a mistake of our own, its type too."""
    return clean_feedback(str(error) if isinstance(error, WorkerError) else f"{type(error).__name__}: {error}")

"""Words, the unit of a prefill level: what whitespace separates."""

from __future__ import annotations


def count_words(text: str) -> int:
    return len(text.split())


def take_first_words(text: str, words: int) -> str:
    """The first `words` words of a text, joined by single spaces; the text as it is where it has no more than that."""
    if words < 0:
        raise ValueError(f"a prefill level is 0 or more words, not {words}")
    found = text.split()
    if len(found) <= words:
        return text.strip() if words else ""
    return " ".join(found[:words])

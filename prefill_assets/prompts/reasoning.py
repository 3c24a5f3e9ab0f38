"""The reasoning part of a stored trace."""

from __future__ import annotations

import re

THINK_OPEN, THINK_CLOSE = "<think>", "</think>"
_HEADING = re.compile(r"(?:reasoning|thoughts?|thinking)(?:\*\*)?:(?:\*\*)?|(?<!<)/think", re.IGNORECASE)
_SHORTEST_PREAMBLE = 8


def strip_think_tags(reasoning: str) -> str:
    """The reasoning inside `<think>` tags, where there are any: an opening tag is dropped, a closing one ends the text."""
    text = reasoning.strip().removeprefix(THINK_OPEN)
    return text.split(THINK_CLOSE, 1)[0].strip()


def infer_reasoning(response: str) -> str | None:
    """Reasoning from a response that has no reasoning field, or None.

    In this order: what stands in `<think>` tags, or before a closing one whose opening stood in the prompt; what follows a
    heading such as "Reasoning:" outside of code; what stands before the first code fence. A code fence ends each of them, save
    those that a closing tag ends.
    """
    text = response.strip()
    if THINK_OPEN in text:
        inside = text.split(THINK_OPEN, 1)[1]
        found = inside.split(THINK_CLOSE, 1)[0] if THINK_CLOSE in inside else _before_fence(inside)
    elif THINK_CLOSE in text:
        found = text.split(THINK_CLOSE, 1)[0]
    elif heading := _find_heading(text):
        found = _before_fence(text[heading.end() :])
    elif "```" in text:
        found = _before_fence(text)
        found = found if len(found.strip()) >= _SHORTEST_PREAMBLE else ""
    else:
        return None
    return found.strip() or None


def _find_heading(text: str) -> re.Match[str] | None:
    return next((found for found in _HEADING.finditer(text) if text.count("```", 0, found.start()) % 2 == 0), None)


def _before_fence(text: str) -> str:
    return text.split("```", 1)[0]

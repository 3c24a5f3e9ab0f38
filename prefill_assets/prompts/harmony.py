"""Harmony turns: messages in channels, also where a model gets the marks wrong.

A turn reads `<|channel|>analysis<|message|>...<|end|><|start|>assistant<|channel|>final<|message|>...<|return|>`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

ANALYSIS, FINAL = "analysis", "final"
_MARK = re.compile(r"<\|(start|end|return|call|channel|message|constrain)\|>")
_HEADER = re.compile(r"\s*(?:assistant\s*)?(?P<channel>[A-Za-z]+)?[^\S\n]*(?P<rest>.*)", re.DOTALL)
_UNMARKED_START = re.compile(r"\A\s*(?:analysis\s*(?=<\|message\|>))", re.IGNORECASE)
_BARE_FINAL = re.compile(r"(?i:assistant\s*final)(?=\W|[A-Z])")
_BARE_HEADER = re.compile(r"assistant\s*final\s*\Z", re.IGNORECASE)


def split_turn(turn: str) -> tuple[str, str]:
    """Analysis and final answer of a turn whose first message is analysis, with or without its opening marks.

    A channel mark without a message mark is read all the same, and so are channels written as bare words ("assistantfinal").
    Messages in other channels (commentary, tool calls) are neither.
    """
    turn = _UNMARKED_START.sub(f"<|channel|>{ANALYSIS}", turn, count=1)
    messages = list(_read_messages(turn))
    analysis = [text for channel, text in messages if channel == ANALYSIS and text]
    final = [text for channel, text in messages if channel == FINAL]
    if not final:
        thoughts, mark, answer = _split_at_bare_final("\n\n".join(analysis))
        return (thoughts, answer) if mark else ("\n\n".join(analysis), "")
    return "\n\n".join(analysis), final[0]


def _read_messages(turn: str) -> Iterator[tuple[str, str]]:
    """Channel and content of each message; the turn ends at `<|return|>`."""
    pieces = _MARK.split(turn)
    channel, header, content = ANALYSIS, None, pieces[0]
    for mark, text in zip(pieces[1::2], pieces[2::2], strict=True):
        if mark == "constrain":
            header, content = (None, content + text) if header is None else (header + text, content)
        elif mark == "message" and header is not None:
            channel, header, content = _read_header(header)[0] or FINAL, None, text
        elif mark == "message" and (bare := _BARE_HEADER.search(content)):
            yield from _end_message(channel, header, content[: bare.start()])
            channel, content = FINAL, text
        elif mark == "message":
            content += text
        else:
            yield from _end_message(channel, header, content)
            if mark == "return":
                return
            channel, header, content = "", text, ""
    yield from _end_message(channel, header, content)


def _end_message(channel: str, header: str | None, content: str) -> Iterator[tuple[str, str]]:
    """The message that ends here. One that never left its header has its content there, after the channel's name."""
    if header is not None:
        channel, content = _read_header(header)
    if content.strip():
        yield channel, content.strip()


def _read_header(header: str) -> tuple[str, str]:
    """The channel that a header names, in lower case, and what follows the name; a role before it does not count."""
    found = _HEADER.fullmatch(header)
    return ((found["channel"] or "").lower(), found["rest"]) if found else ("", header)


def _split_at_bare_final(analysis: str) -> tuple[str, str, str]:
    found = _BARE_FINAL.search(analysis)
    if found is None:
        return analysis, "", ""
    return analysis[: found.start()].strip(), found[0], analysis[found.end() :].strip()

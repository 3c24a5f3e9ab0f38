"""What a model wrote: reasoning, response, and the code in it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from prefill_assets.prompts.dialects import Dialect
from prefill_assets.prompts.reasoning import THINK_CLOSE, THINK_OPEN

_PYTHON_FENCE = re.compile(r"```(?:python|py)3?\b[^\S\n]*\n?(.*?)(?:```|\Z)", re.DOTALL | re.IGNORECASE)
_ANY_FENCE = re.compile(r"```[^\n`]*\n?(.*?)(?:```|\Z)", re.DOTALL)
_THOUGHT = re.compile(r"<think>.*?(?:</think>|\Z)", re.DOTALL)
_FINAL_CHANNEL = re.compile(r"<\|channel\|>\s*final\b(?:[^<]*<\|message\|>)?", re.IGNORECASE)
_BARE_FINAL = re.compile(r"(?i:assistant\s*final)(?=\W|[A-Z])")
_CHANNEL_MARK = re.compile(r"<\|(?:start|end|return|call|channel|message)\|>")
_ANALYSIS_START = re.compile(r"\A\s*(?:<\|channel\|>\s*)?analysis\s*<\|message\|>", re.IGNORECASE)


@dataclass(frozen=True)
class Answer:
    """The parts of one assistant turn. `reasoning` begins with the prefill; `code` is None where there is none."""

    reasoning: str
    response: str
    code: str | None


def read_answer(dialect: Dialect, prefill: str, text: str) -> Answer:
    """Split prefill and continuation into reasoning, response and code."""
    turn = prefill + text
    split = {Dialect.CHAT: _split_chat, Dialect.THINK: _split_think, Dialect.HARMONY: _split_harmony}[dialect]
    reasoning, response = split(turn)
    return Answer(reasoning, response, extract_code(response) or _fenced_code(reasoning))


def extract_code(response: str) -> str | None:
    """The first Python block, else the first fenced one, else the response without its thoughts; None where that is empty."""
    return _fenced_code(response) or _THOUGHT.sub("", response).strip() or None


def _fenced_code(text: str) -> str | None:
    found = _PYTHON_FENCE.search(text) or _ANY_FENCE.search(text)
    return (found.group(1).strip() or None) if found else None


def _split_chat(turn: str) -> tuple[str, str]:
    return turn.split("```", 1)[0].strip(), turn.strip()


def _split_think(turn: str) -> tuple[str, str]:
    reasoning, closed, response = turn.strip().removeprefix(THINK_OPEN).partition(THINK_CLOSE)
    return reasoning.strip(), response.strip() if closed else ""


def _split_harmony(turn: str) -> tuple[str, str]:
    """Channels by their marks, also where a model writes them as bare words ("assistantfinal")."""
    turn = _ANALYSIS_START.sub("", turn, count=1)
    final = _FINAL_CHANNEL.search(turn) or _BARE_FINAL.search(turn)
    analysis = turn[: final.start()] if final else turn
    response = turn[final.end() :] if final else ""
    return _CHANNEL_MARK.split(analysis, maxsplit=1)[0].strip(), _CHANNEL_MARK.split(response, maxsplit=1)[0].strip()

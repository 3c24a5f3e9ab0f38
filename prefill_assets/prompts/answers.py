"""What a model wrote: reasoning, response, and the code in it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from prefill_assets.prompts.dialects import Dialect
from prefill_assets.prompts.harmony import split_turn
from prefill_assets.prompts.reasoning import THINK_CLOSE, THINK_OPEN

_PYTHON_FENCE = re.compile(r"```(?:python|py)3?\b[^\S\n]*\n?(.*?)(?:```|\Z)", re.DOTALL | re.IGNORECASE)
_ANY_FENCE = re.compile(r"```[^\n`]*\n?(.*?)(?:```|\Z)", re.DOTALL)
_THOUGHT = re.compile(r"<think>.*?(?:</think>|\Z)", re.DOTALL)


@dataclass(frozen=True)
class Answer:
    """The parts of one assistant turn. `reasoning` begins with the prefill; `code` is None where there is none."""

    reasoning: str
    response: str
    code: str | None


def read_answer(dialect: Dialect, prefill: str, text: str) -> Answer:
    """Split prefill and continuation into reasoning, response and code."""
    turn = prefill + text
    split = {Dialect.CHAT: _split_chat, Dialect.THINK: _split_think, Dialect.HARMONY: split_turn}[dialect]
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

"""What an engine is: token ids in, continuations and log probabilities out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Sampling:
    """How to sample. temperature 0 is greedy."""

    temperature: float = 0.4
    top_p: float = 1.0
    max_tokens: int = 1024


@dataclass(frozen=True)
class GenerationRequest:
    """Continue exactly these token ids, with this seed."""

    token_ids: tuple[int, ...]
    seed: int


@dataclass(frozen=True)
class Generation:
    """A continuation: its ids, its text with special tokens kept, and why it ended; or an error and none of these."""

    token_ids: tuple[int, ...] = ()
    text: str | None = None
    finish_reason: str | None = None
    error: str | None = None


@dataclass(frozen=True)
class ScoreRequest:
    """Score `prefill_ids` after `prompt_ids`, at each of these lengths (in tokens, each at most len(prefill_ids))."""

    prompt_ids: tuple[int, ...]
    prefill_ids: tuple[int, ...]
    lengths: tuple[int, ...]


@dataclass(frozen=True)
class Score:
    """Sum of log P over the first `length` prefill tokens, in nats, for every requested length; or an error."""

    sums: dict[int, float] | None
    error: str | None = None


class Engine(Protocol):
    """One checkpoint, loaded. It yields results in the order of the requests and never raises for a single bad one."""

    @property
    def description(self) -> str:
        """Engine, version, number format and device, for the row's `engine` column."""
        ...

    def generate(self, requests: Sequence[GenerationRequest], sampling: Sampling) -> Iterator[Generation]: ...

    def score(self, requests: Sequence[ScoreRequest]) -> Iterator[Score]: ...

    def close(self) -> None:
        """Free the weights."""
        ...


class EngineHost(Protocol):
    """What serves one checkpoint after the other, and keeps between them what they share: a process, a base model.

    One engine is open at a time: `open` ends the one before, unless it is of the same checkpoint as it lies on disk now.
    """

    @property
    def starts(self) -> int:
        """How often an engine was started: a process, or a base model read into this one."""
        ...

    @property
    def loads(self) -> int:
        """How often a checkpoint's weights were loaded, whole or as an adapter."""
        ...

    def open(self, checkpoint: Path) -> Engine:
        """The engine with this checkpoint's weights. Raises InputError."""
        ...

    def close(self) -> None:
        """End the engine and free what is kept between checkpoints; may be called twice."""
        ...

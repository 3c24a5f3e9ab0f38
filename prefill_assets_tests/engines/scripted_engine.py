"""An engine that says what it is told to, and remembers what it was asked: for what lies around engines, not for engines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from prefill_assets.engines.protocol import Generation, GenerationRequest, Sampling, Score, ScoreRequest


class ScriptedHost:
    """Opens any checkpoint at once. `opened` lists the checkpoints in order; `broken` are those that cannot be loaded."""

    def __init__(self, text: str = "Done.", broken: Sequence[str] = ()):
        self.text, self.broken = text, broken
        self.opened: list[str] = []
        self.starts = self.loads = 0

    def open(self, checkpoint: Path) -> ScriptedEngine:
        if checkpoint.name in self.broken:
            raise RuntimeError(f"{checkpoint.name} does not fit on this device")
        if not self.opened or self.opened[-1] != checkpoint.name:
            self.opened.append(checkpoint.name)
            self.loads += 1
        return ScriptedEngine(self.text)

    def close(self) -> None:
        pass


class ScriptedEngine:
    """Every continuation is the same text, every token has log P -0.5."""

    description = "scripted"

    def __init__(self, text: str):
        self.text = text

    def generate(self, requests: Sequence[GenerationRequest], sampling: Sampling) -> Iterator[Generation]:
        for _ in requests:
            yield Generation((1, 2), self.text, "stop")

    def score(self, requests: Sequence[ScoreRequest]) -> Iterator[Score]:
        for request in requests:
            yield Score({length: -0.5 * length for length in request.lengths})

    def close(self) -> None:
        pass

"""Checkpoints one after the other in this process, by `transformers`."""

from __future__ import annotations

from pathlib import Path

from prefill_assets.engines.transformers_engine import TransformersEngine
from prefill_assets.sources.checkpoint import fingerprint_checkpoint
from prefill_assets.sources.settings import Settings


class TransformersHost:
    """One checkpoint in memory at a time; opened again unchanged, it is not read again."""

    def __init__(self, settings: Settings):
        self.settings = settings
        self.starts = self.loads = 0
        self._resident: tuple[tuple[Path, str], TransformersEngine] | None = None

    def open(self, checkpoint: Path) -> TransformersEngine:
        wanted = (checkpoint, fingerprint_checkpoint(checkpoint))
        if self._resident is None or self._resident[0] != wanted:
            self.close()
            settings = self.settings
            engine = TransformersEngine.load(
                checkpoint, dtype=settings.dtype, device=settings.device, batch_size=settings.batch_size
            )
            self._resident = (wanted, engine)
            self.starts += 1
            self.loads += 1
        return self._resident[1]

    def close(self) -> None:
        if self._resident is not None:
            self._resident[1].close()
            self._resident = None

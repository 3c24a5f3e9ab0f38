"""From a checkpoint's folder to an engine."""

from __future__ import annotations

from pathlib import Path

from prefill_assets.engines.protocol import Engine
from prefill_assets.sources.settings import Settings


def load_engine(checkpoint: Path, settings: Settings) -> Engine:
    """The engine that the experiment asks for, with this checkpoint's weights in it."""
    from prefill_assets.engines.transformers_engine import TransformersEngine

    return TransformersEngine.load(checkpoint, dtype=settings.dtype, device=settings.device, batch_size=settings.batch_size)

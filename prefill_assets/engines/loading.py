"""From an experiment's settings to what serves its checkpoints."""

from __future__ import annotations

from prefill_assets.engines.protocol import EngineHost
from prefill_assets.sources.settings import Settings


def make_host(settings: Settings) -> EngineHost:
    """The host of the engine that the experiment asks for; nothing is loaded before its first `open`."""
    from prefill_assets.engines.transformers_host import TransformersHost

    return TransformersHost(settings)

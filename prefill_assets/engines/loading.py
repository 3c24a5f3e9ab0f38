"""From an experiment's settings to what serves its checkpoints."""

from __future__ import annotations

from prefill_assets.engines.protocol import EngineHost
from prefill_assets.sources.settings import Settings


def make_host(settings: Settings) -> EngineHost:
    """The host of the engine that the experiment asks for; nothing is loaded before its first `open`."""
    if settings.engine == "vllm":
        from prefill_assets.engines.vllm.given_host import GivenHost
        from prefill_assets.engines.vllm.owned_host import OwnedHost

        return GivenHost(settings, settings.vllm_base_url) if settings.vllm_base_url else OwnedHost(settings)
    from prefill_assets.engines.transformers_host import TransformersHost

    return TransformersHost(settings)

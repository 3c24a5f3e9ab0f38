from __future__ import annotations

from prefill_assets.engines.loading import make_host
from prefill_assets.engines.transformers_engine import TransformersEngine
from prefill_assets.sources.settings import Settings


def test_the_engine_is_what_the_settings_ask_for(find_tiny_checkpoint):
    engine = make_host(Settings(dtype="float32", device="cpu", batch_size=3)).open(find_tiny_checkpoint("chatml"))

    assert isinstance(engine, TransformersEngine)
    assert engine.batch_size == 3
    assert engine.description.startswith("transformers ")
    assert engine.description.endswith(" float32 cpu")
    assert not engine.model.training

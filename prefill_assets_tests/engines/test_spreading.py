"""A model that `accelerate` spreads: its hooks are there on a CPU too, other devices are not (`benchmarks/spreading.py`)."""

from __future__ import annotations

from copy import deepcopy

import pytest

from prefill_assets.engines.protocol import GenerationRequest, Sampling, ScoreRequest
from prefill_assets.engines.transformers_engine import TransformersEngine
from prefill_assets_tests.engines.families import make_family
from prefill_assets_tests.engines.test_packing import make_sequences
from prefill_assets_tests.tiny_models import make_tokenizer

accelerate = pytest.importorskip("accelerate")


def answer(model):
    engine = TransformersEngine(model, make_tokenizer("chatml"), 4)
    sequences = [tuple(sequence) for sequence in make_sequences(9, 14, 23)]
    scores = engine.score([ScoreRequest(s[:5], s[5:], (2, len(s) - 5)) for s in sequences])
    generations = engine.generate([GenerationRequest(s, seed) for seed, s in enumerate(sequences)], Sampling(1.0, 1.0, 6))
    return [score.sums for score in scores], [generation.token_ids for generation in generations], engine.packs


@pytest.mark.parametrize("name", ["llama", "qwen3_moe", "mistral", "gemma2"])
def test_a_spread_model_answers_as_a_whole_one_does(name):
    model = make_family(name)
    spread = accelerate.dispatch_model(deepcopy(model), {"": "cpu"}, force_hooks=True)
    assert spread._hf_hook is not None

    assert answer(spread) == answer(model)

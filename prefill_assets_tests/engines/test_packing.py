"""Sequences in one row, against each alone."""

from __future__ import annotations

import random
from functools import cache

import pytest

from prefill_assets.engines.packing import can_pack, pack, run_packed
from prefill_assets.engines.protocol import ScoreRequest
from prefill_assets.engines.transformers_engine import TransformersEngine
from prefill_assets_tests.engines.families import PACKING, PADDING, VOCABULARY, make_family
from prefill_assets_tests.engines.slow_scoring import sum_slowly
from prefill_assets_tests.tiny_models import make_tokenizer


def make_sequences(*lengths: int) -> list[list[int]]:
    dice = random.Random(0)
    return [[dice.randrange(VOCABULARY) for _ in range(length)] for length in lengths]


@pytest.fixture(scope="module")
def find_family():
    return cache(make_family)


def test_a_pack_says_where_each_sequence_stands():
    packed = pack([[5, 6, 7], [8], [9, 10]])

    assert packed.ids.tolist() == [[5, 6, 7, 8, 9, 10]]
    assert packed.positions.tolist() == [[0, 1, 2, 0, 0, 1]]
    assert (packed.bounds, packed.longest) == ((0, 3, 4, 6), 3)


@pytest.mark.parametrize("family", PACKING)
def test_every_sequence_of_a_pack_gets_the_logits_that_it_gets_alone(find_family, family):
    import torch

    model, sequences = find_family(family), make_sequences(30, 1, 45)
    with torch.inference_mode():
        alone = torch.cat([model(input_ids=torch.tensor([s]), use_cache=False).logits[0] for s in sequences])
        together = run_packed(model, pack(sequences)).logits[0]

    assert (together - alone).abs().max() < 1e-4
    assert model.config._attn_implementation == "sdpa", "what others find afterwards is as before"


@pytest.mark.parametrize("family", [*PACKING, *PADDING])
def test_any_family_is_scored_as_by_a_pass_for_every_token(find_family, family):
    model = find_family(family)
    ids = make_sequences(29, 8, 45)
    requests = [ScoreRequest(tuple(s[: len(s) // 3]), tuple(s[len(s) // 3 :]), (len(s) - len(s) // 3,)) for s in ids]
    engine = TransformersEngine(model, make_tokenizer("chatml"), 4)

    for request, score in zip(requests, engine.score(requests), strict=True):
        (total,) = (score.sums or {}).values()
        slow = sum_slowly(model, request.prompt_ids, request.prefill_ids)
        assert total == pytest.approx(slow, abs=1e-3 * len(request.prefill_ids))
    assert engine.packs == (family in PACKING)


def test_a_window_longer_than_the_sequences_does_not_keep_them_from_being_packed(find_family):
    model = find_family("mistral")
    engine = TransformersEngine(model, make_tokenizer("chatml"), 4)
    short = ScoreRequest((20, 21), (22, 23, 24), (3,))

    (score,) = engine.score([short])

    assert engine.packs
    assert (score.sums or {})[3] == pytest.approx(sum_slowly(model, (20, 21), (22, 23, 24)), abs=1e-4)


@pytest.mark.parametrize("family", ["falcon_h1", "lfm2", "bloom"])
def test_layers_that_mix_tokens_otherwise_are_told_even_where_they_hardly_do_yet(family):
    assert not can_pack(make_family(family, initializer_range=0.001))


def test_a_model_whose_sequences_leak_is_found_out(find_family):
    """Its attention ignores the bounds, as that of a model which brings its own would."""
    import torch

    class Leaking(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = find_family("llama")
            self.device, self.config = self.model.device, self.model.config

        def get_input_embeddings(self):
            return self.model.get_input_embeddings()

        def forward(self, input_ids, use_cache, **_):
            return self.model(input_ids=input_ids, use_cache=use_cache)

    assert can_pack(find_family("llama"))
    assert not can_pack(Leaking())

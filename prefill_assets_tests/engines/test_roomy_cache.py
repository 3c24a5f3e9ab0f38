"""Keys and values as `transformers`' own cache keeps them, with fewer copies."""

from __future__ import annotations

import pytest

from prefill_assets.engines import roomy_cache
from prefill_assets.engines.roomy_cache import make_cache
from prefill_assets_tests.engines.families import make_family


@pytest.mark.parametrize("room", [1, 3, 128])
@pytest.mark.parametrize("family", ["llama", "gemma3_text"])
def test_it_keeps_what_the_ordinary_cache_keeps(monkeypatch, family, room):
    import torch
    from transformers.cache_utils import DynamicCache

    monkeypatch.setattr(roomy_cache, "_ROOM_TOKENS", room)
    model = make_family(family)
    ours, theirs = make_cache(model), DynamicCache(config=model.config)
    torch.manual_seed(0)
    rows = 4
    for step, tokens in enumerate((7, 1, 1, 1, 2, 1)):
        if step == 3:
            chosen = torch.tensor([2, 0, 0, 3, 2])
            for cache in (ours, theirs):
                cache.batch_select_indices(chosen)
            rows = len(chosen)
        for layer in range(model.config.num_hidden_layers):
            states = torch.randn(2, rows, 2, tokens, 8)
            found, expected = (cache.update(*states, layer) for cache in (ours, theirs))
            assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))
        assert ours.get_seq_length() == theirs.get_seq_length()


def test_a_written_token_moves_nothing_until_the_room_is_full(monkeypatch):
    import torch

    monkeypatch.setattr(roomy_cache, "_ROOM_TOKENS", 4)
    cache = make_cache(make_family("llama"))
    places = []
    for tokens in (5, 1, 1, 1, 1, 1, 1):
        keys, _ = cache.update(torch.zeros(2, 2, tokens, 8), torch.zeros(2, 2, tokens, 8), 0)
        places.append(keys.data_ptr())

    assert len(set(places)) == 3
    assert places[1] == places[5]


def test_a_model_that_remembers_more_than_keys_and_values_keeps_its_own_cache():
    assert make_cache(make_family("lfm2")) is None

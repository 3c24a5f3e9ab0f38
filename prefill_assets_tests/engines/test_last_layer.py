"""The last layer at some positions, against the whole of it."""

from __future__ import annotations

import pytest

from prefill_assets.engines import last_layer
from prefill_assets.engines.abilities import find_abilities
from prefill_assets.engines.last_layer import find_last_layer, run_in_part
from prefill_assets.engines.packing import pack, run_packed
from prefill_assets_tests.engines.families import PACKING, PADDING, make_family
from prefill_assets_tests.engines.test_packing import make_sequences


@pytest.mark.parametrize("family", PACKING)
def test_its_logits_are_those_of_a_pass_over_everything(family):
    import torch

    model, packed, counts = make_family(family), pack(make_sequences(30, 1, 45, 7)), (4, 1, 45, 1)
    last = find_last_layer(model)
    assert last is not None
    with torch.inference_mode():
        whole = run_packed(model, packed).logits[0].split([30, 1, 45, 7])
        part = run_in_part(model, packed, last, counts)

    assert part.shape == (sum(counts), model.config.vocab_size)
    expected = torch.cat([piece[-count:] for piece, count in zip(whole, counts, strict=True)])
    assert (part - expected).abs().max() < 1e-4


def test_it_computes_nothing_else_there():
    import torch

    model = make_family("llama")
    last = find_last_layer(model)
    assert last is not None
    assert last.layer is model.model.layers[-1]
    seen = {}
    for name in ("layers.0.mlp", "layers.1.mlp", "layers.1.self_attn.o_proj", "norm"):
        model.model.get_submodule(name).register_forward_pre_hook(
            lambda _, given, name=name: seen.update({name: given[0].shape[1]})
        )

    with torch.inference_mode():
        run_in_part(model, pack(make_sequences(30, 20)), last, (3, 2))

    assert seen == {"layers.0.mlp": 50, "layers.1.mlp": 5, "layers.1.self_attn.o_proj": 5, "norm": 5}
    assert "forward" not in vars(last.layer) or last.layer.forward.__self__ is last.layer


@pytest.mark.parametrize("family", [*PACKING, *PADDING])
def test_only_models_that_pack_have_one(family):
    abilities = find_abilities(make_family(family))

    assert (abilities.last is not None) == abilities.packs
    assert abilities.packs or family not in PACKING


def test_a_layer_that_must_see_every_position_is_found_out():
    """A part of it looks at the token before."""
    model = make_family("llama")
    model.model.layers[-1].mlp.register_forward_hook(lambda _, __, out: out.roll(1, 1))

    assert find_last_layer(model) is None


def test_trials_are_made_once_for_each_model(monkeypatch):
    model = make_family("llama")
    first = find_abilities(model)
    monkeypatch.setattr(last_layer, "run_packed", None)

    assert find_abilities(model) is first
    assert find_abilities(make_family("llama")).last is None

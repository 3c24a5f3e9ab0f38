"""What can be told without a GPU; `benchmarks/scoring.py` compares fused layers with float32 where there is one."""

from __future__ import annotations

from prefill_assets.engines.fused_layers import _choose_by_device, fuse_layers
from prefill_assets_tests.engines.families import make_family


def test_a_model_on_a_cpu_is_left_as_it_is():
    from transformers.models.llama import modeling_llama

    before = dict(vars(modeling_llama))

    assert not fuse_layers(make_family("llama"))
    assert dict(vars(modeling_llama)) == before


def test_rotation_goes_by_where_the_query_is():
    import torch

    rotate = _choose_by_device(lambda query, *_, **__: "fused", lambda query, *_, **__: "original")

    assert rotate(torch.zeros(1), None, unsqueeze_dim=1) == "original"

"""Budgets for a model of 8B shape on GPUs of several sizes: its weights are on no device, so the free memory is given."""

from __future__ import annotations

from functools import partial

import pytest

from prefill_assets.engines import memory_budget
from prefill_assets.engines.memory_budget import find_generation_budget, find_scoring_budget
from prefill_assets_tests.engines.families import make_family

GB = 10**9


@pytest.fixture
def budget_with(monkeypatch):
    """What a budget is on a GPU with so much memory left."""
    from types import SimpleNamespace

    import torch
    from transformers import AutoConfig

    shape = {"hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32}
    config = AutoConfig.for_model("llama", **shape, num_key_value_heads=8, vocab_size=128256)
    model = SimpleNamespace(config=config, device=torch.device("cuda"), dtype=torch.bfloat16)

    def find(budget, free: int):
        monkeypatch.setattr(memory_budget, "_count_free_bytes", lambda _: free)
        return budget(model)

    return find


def test_scoring_takes_as_much_as_helps_and_less_where_memory_is_short(budget_with):
    assert budget_with(find_scoring_budget, 60 * GB) == budget_with(find_scoring_budget, 120 * GB) == 32768
    assert budget_with(find_scoring_budget, 2 * GB) == pytest.approx(2200, rel=0.1)
    assert budget_with(find_scoring_budget, 0) == 1


def test_generation_keeps_what_memory_holds(budget_with):
    """Keys and values are 131,072 bytes a token in this shape."""
    padded = partial(find_generation_budget, packed=False)

    assert budget_with(padded, 60 * GB) == pytest.approx(2 * budget_with(padded, 30 * GB), abs=1)
    assert 60_000 < budget_with(padded, 60 * GB) < 30 * GB // 131072


def test_rooms_keep_more_since_prompts_are_read_a_part_at_a_time(budget_with):
    rooms = partial(find_generation_budget, packed=True)

    assert 300_000 < budget_with(rooms, 60 * GB) < 60 * GB * 3 / 4 // 131072
    assert budget_with(rooms, 1 * GB) > 0
    assert budget_with(rooms, 0) == 1


def test_a_cpu_is_bounded_by_speed_alone():
    model = make_family("llama")

    assert find_generation_budget(model, packed=True) is None
    assert find_scoring_budget(model) == 4096

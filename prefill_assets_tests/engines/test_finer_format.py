"""Weights in float16 for a while, and afterwards as they were; sums that are nearer to float32, or fall back."""

from __future__ import annotations

from copy import deepcopy

import pytest

from prefill_assets.engines import score_runs
from prefill_assets.engines.finer_format import in_finer_format
from prefill_assets.engines.protocol import GenerationRequest, Sampling, ScoreRequest
from prefill_assets.engines.transformers_engine import TransformersEngine
from prefill_assets_tests.engines.families import PACKING, PADDING, VOCABULARY, make_family
from prefill_assets_tests.engines.test_packing import make_sequences
from prefill_assets_tests.tiny_models import make_tokenizer


def make_requests(*lengths: int) -> list[ScoreRequest]:
    return [ScoreRequest(tuple(s[:5]), tuple(s[5:]), (len(s) - 5,)) for s in make_sequences(*lengths)]


def make_coarse(name: str = "llama"):
    import torch

    return make_family(name).to(torch.bfloat16)


def copy_bits(model) -> dict:
    import torch

    return {name: weight.clone().view(torch.int16) for name, weight in model.state_dict().items()}


def sum_exactly(model, requests) -> list[float]:
    """By a float32 copy of the weights."""
    import torch

    exact = TransformersEngine(deepcopy(model).to(torch.float32), make_tokenizer("chatml"), 4)
    return [total for score in exact.score(requests) for total in (score.sums or {}).values()]


@pytest.fixture
def refining(monkeypatch):
    monkeypatch.setattr(score_runs, "_REFINING_DEVICES", ("cpu",))


def test_weights_are_afterwards_bit_by_bit_what_they_were():
    import torch

    model = make_coarse()
    kept = model.model.norm
    kept.to(torch.float32)
    hard = torch.tensor([1e-6, -3e-7, 1e-30, -0.0, 9e-9, 6.1e-5, 65280.0])
    with torch.no_grad():
        model.model.layers[0].mlp.up_proj.weight[3, : len(hard)] = hard
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    places = [weight.data_ptr() for weight in model.parameters()]

    with in_finer_format(model) as refined:
        assert refined
        assert {weight.dtype for weight in model.parameters()} == {torch.float16, torch.float32}
        assert model.model.layers[0].mlp.up_proj.weight[3, 6] == 65280

    assert [weight.data_ptr() for weight in model.parameters()] == places
    for name, weight in model.state_dict().items():
        assert weight.dtype == before[name].dtype
        assert torch.equal(weight.view(torch.uint8), before[name].view(torch.uint8)), name


@pytest.mark.parametrize("value", [65792.0, -1e20, float("nan")])
def test_weights_that_float16_cannot_hold_stay_as_they_are(value):
    import torch

    model = make_coarse()
    with torch.no_grad():
        model.model.layers[1].mlp.down_proj.weight[2, 2] = value
    before = copy_bits(model)

    with in_finer_format(model) as refined:
        assert not refined
        assert {weight.dtype for weight in model.parameters()} == {torch.bfloat16}

    assert all(torch.equal(bits, before[name]) for name, bits in copy_bits(model).items())


def test_many_weights_that_are_too_small_stay_as_they_are():
    import torch

    model = make_coarse()
    with torch.no_grad():
        for weight in model.model.layers.parameters():
            weight.mul_(1e-7)

    with in_finer_format(model) as refined:
        assert not refined
        assert {weight.dtype for weight in model.parameters()} == {torch.bfloat16}


def test_a_model_without_bfloat16_is_left_alone():
    with in_finer_format(make_family("llama")) as refined:
        assert not refined


@pytest.mark.parametrize("family", [*PACKING, *PADDING])
def test_sums_of_any_family_come_nearer_to_float32(refining, monkeypatch, family):
    model, requests = make_coarse(family), make_requests(29, 8, 45, 60, 21, 33)
    engine = TransformersEngine(model, make_tokenizer("chatml"), 4)
    exact = sum_exactly(model, requests)
    before = copy_bits(model)

    finely = [(score.sums or {})[request.lengths[0]] for request, score in zip(requests, engine.score(requests), strict=True)]
    monkeypatch.setattr(score_runs, "_REFINING_DEVICES", ())
    coarse_engine = TransformersEngine(model, make_tokenizer("chatml"), 4)
    coarsely = [
        (score.sums or {})[request.lengths[0]] for request, score in zip(requests, coarse_engine.score(requests), strict=True)
    ]

    fine, coarse = (sum(abs(a - b) for a, b in zip(some, exact, strict=True)) for some in (finely, coarsely))
    assert engine.scores.refines
    assert fine < coarse / 3
    assert copy_bits(model).keys() == before.keys()


def test_what_overflows_is_scored_again_in_the_models_own_format(refining, monkeypatch):
    """One request among several does: a token's embedding is large."""
    import torch

    model = make_coarse()
    big = VOCABULARY - 1
    with torch.no_grad():
        model.model.layers[0].mlp.down_proj.weight.mul_(2.0**9)
        model.model.layers[1].mlp.down_proj.weight.mul_(2.0**9)
        model.model.embed_tokens.weight[big] = 60000.0
    requests = make_requests(29, 8, 45, 21)
    requests[2] = ScoreRequest((big, big, big), (big, 7, 8), (3,))
    engine = TransformersEngine(model, make_tokenizer("chatml"), 4, batch_tokens=1)
    before = copy_bits(model)

    with in_finer_format(model) as refined, torch.inference_mode():
        assert refined
        assert not model(torch.tensor([requests[2].prompt_ids + requests[2].prefill_ids])).logits.isfinite().all()
    scores = list(engine.score(requests))

    assert not engine.scores.refines
    assert all(score.sums is not None for score in scores)
    assert all(torch.equal(bits, before[name]) for name, bits in copy_bits(model).items())
    monkeypatch.setattr(score_runs, "_REFINING_DEVICES", ())
    coarsely = list(TransformersEngine(model, engine.tokenizer, 4, batch_tokens=1).score(requests))
    assert scores[2] == coarsely[2]
    assert scores[0] != coarsely[0]
    assert list(engine.score(requests)) == coarsely


def test_a_model_that_computes_in_bfloat16_whatever_its_weights_are_does_so(refining):
    import torch

    class Stubborn(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = make_coarse()

        def __getattr__(self, name):
            return super().__getattr__(name) if name in ("model", "_modules") else getattr(super().__getattr__("model"), name)

        def forward(self, input_ids, **options):
            hook = self.model.model.norm.register_forward_hook(lambda _, __, out: out.to(torch.bfloat16))
            try:
                return self.model(input_ids=input_ids, **options)
            finally:
                hook.remove()

    engine = TransformersEngine(Stubborn(), make_tokenizer("chatml"), 4)
    (request,) = make_requests(20)

    (score,) = engine.score([request])

    assert not engine.scores.refines
    assert (score.sums or {})[15] == pytest.approx(sum_exactly(engine.model.model, [request])[0], abs=2)
    assert engine.model.model.dtype == torch.bfloat16


@pytest.mark.parametrize("end", ["drop", "close the engine", "generate", "score again"])
def test_weights_are_restored_where_nobody_waits_for_the_rest(refining, end):
    import torch

    model, requests = make_coarse(), make_requests(9, 9, 9)
    engine = TransformersEngine(model, make_tokenizer("chatml"), 4, batch_tokens=1)
    before = copy_bits(model)
    scores = engine.score(requests)
    first = next(scores)
    assert model.dtype == torch.float16

    if end == "drop":
        scores.close()  # type: ignore[attr-defined]
    elif end == "close the engine":
        engine.close()
    elif end == "generate":
        assert not next(engine.generate([GenerationRequest((20, 21), 1)], Sampling(max_tokens=2))).error
    else:
        assert next(iter(list(engine.score(requests)))) == first
        assert engine.scores.refines
        assert len(list(scores)) == 2

    assert all(torch.equal(bits, before[name]) for name, bits in copy_bits(model).items())

"""Sums of log probabilities, against one forward pass a token in float32."""

from __future__ import annotations

import math
import random
from copy import deepcopy

import pytest

from prefill_assets.engines import scoring
from prefill_assets.engines.protocol import Score, ScoreRequest
from prefill_assets.engines.transformers_engine import OUT_OF_MEMORY, TransformersEngine
from prefill_assets_tests.engines.cramped_model import CrampedModel
from prefill_assets_tests.engines.slow_scoring import sum_slowly
from prefill_assets_tests.tiny_models import CONTEXT_TOKENS

EVERY_MODEL = pytest.mark.parametrize("form", ["chatml", "absolute", "think_unopened", "harmony"])


def make_requests(count: int, seed: int = 0) -> list[ScoreRequest]:
    """Prompts of 2 to 40 tokens, prefills of 1 to 30, some asked for at several lengths."""
    dice = random.Random(seed)
    requests = []
    for _ in range(count):
        prompt, prefill = ([dice.randrange(10, 400) for _ in range(dice.randint(low, high))] for low, high in ((2, 40), (1, 30)))
        lengths = sorted({len(prefill), *(dice.randint(0, len(prefill)) for _ in range(dice.randint(0, 3)))})
        requests.append(ScoreRequest(tuple(prompt), tuple(prefill), tuple(lengths)))
    return requests


@EVERY_MODEL
def test_sums_are_those_of_a_pass_for_every_token(find_tiny_engine, form):
    engine, requests = find_tiny_engine(form), make_requests(6)

    for request, score in zip(requests, engine.score(requests), strict=True):
        assert score.sums is not None
        assert tuple(score.sums) == request.lengths
        for length, total in score.sums.items():
            slow = sum_slowly(engine.model, request.prompt_ids, request.prefill_ids[:length])
            assert total == pytest.approx(slow, abs=1e-4)


def test_the_first_token_is_scored_and_nothing_after_the_last(find_tiny_engine):
    engine, (request,) = find_tiny_engine("chatml"), make_requests(1)
    one = ScoreRequest(request.prompt_ids, request.prefill_ids, (1, 2))
    longer = ScoreRequest(request.prompt_ids, (*request.prefill_ids[:2], 11, 12, 13), (1, 2))

    sums, of_longer = (score.sums for score in engine.score([one, longer]))

    assert sums[1] == pytest.approx(sum_slowly(engine.model, request.prompt_ids, request.prefill_ids[:1]), abs=1e-4)
    assert sums[1] < 0
    assert sums[2] < sums[1]
    assert of_longer == pytest.approx(sums, abs=1e-5)


def test_an_empty_prefill_has_the_sum_0_and_needs_no_model(find_tiny_engine):
    engine = find_tiny_engine("chatml")
    nothing_fits = TransformersEngine(CrampedModel(engine.model, 0), engine.tokenizer, 4)

    assert (
        list(nothing_fits.score([ScoreRequest((20, 21), (), (0,)), ScoreRequest((20, 21), (30,), (0,))])) == [Score({0: 0.0})] * 2
    )


def test_length_0_beside_others_is_0(find_tiny_engine):
    score = next(find_tiny_engine("chatml").score([ScoreRequest((20, 21), (30, 31), (0, 2))]))

    assert score.sums is not None
    assert score.sums[0] == 0.0
    assert score.sums[2] < 0


def test_scores_do_not_depend_on_batch_or_order(find_tiny_engine):
    engine, requests = find_tiny_engine("chatml"), make_requests(9)
    alone = [next(engine.score([request])).sums for request in requests]

    for batch_tokens in (1, 150, 10_000):
        other = TransformersEngine(engine.model, engine.tokenizer, 4, batch_tokens)
        for asked, expected in ((requests, alone), (requests[::-1], alone[::-1])):
            found = [score.sums for score in other.score(asked)]
            assert found == [pytest.approx(sums, abs=1e-4) for sums in expected]


def test_many_logits_are_reduced_piece_by_piece_to_the_same_sums(find_tiny_engine, monkeypatch):
    engine, requests = find_tiny_engine("chatml"), make_requests(5)
    whole = [score.sums for score in engine.score(requests)]

    monkeypatch.setattr(scoring, "_LOGIT_BYTES", 1)

    assert [score.sums for score in engine.score(requests)] == [pytest.approx(sums, abs=1e-6) for sums in whole]


def test_log_probabilities_are_summed_in_float32_or_better_whatever_the_weights_are(find_tiny_engine):
    import torch

    engine, requests = find_tiny_engine("chatml"), make_requests(4)
    model = deepcopy(engine.model).to(torch.bfloat16)

    for request, score in zip(
        requests, TransformersEngine(model, engine.tokenizer, 4, batch_tokens=1).score(requests), strict=True
    ):
        ids = torch.tensor([[*request.prompt_ids, *request.prefill_ids]])
        with torch.inference_mode():
            log_probs = model(ids).logits[0].double().log_softmax(-1)
        first = len(request.prompt_ids)
        exact = sum(log_probs[first + i - 1, token].item() for i, token in enumerate(request.prefill_ids))
        assert score.sums is not None
        assert score.sums[len(request.prefill_ids)] == pytest.approx(exact, abs=1e-3)


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_a_batch_that_runs_out_of_memory_is_halved(find_tiny_engine, rows):
    engine, requests = find_tiny_engine("chatml"), make_requests(7)
    cramped = CrampedModel(engine.model, rows)

    found = [score.sums for score in TransformersEngine(cramped, engine.tokenizer, 7).score(requests)]

    assert found == [pytest.approx(score.sums, abs=1e-4) for score in engine.score(requests)]
    assert cramped.largest_batch <= rows


def test_a_prefill_that_does_not_fit_alone_is_an_error_and_no_number(find_tiny_engine):
    engine = find_tiny_engine("chatml")
    cramped = TransformersEngine(CrampedModel(engine.model, 0), engine.tokenizer, 2)

    assert list(cramped.score(make_requests(3))) == [Score(None, OUT_OF_MEMORY)] * 3


def test_other_errors_of_the_device_are_not_swallowed(find_tiny_engine):
    class BrokenModel(CrampedModel):
        def __call__(self, input_ids, **options):
            raise RuntimeError("device-side assert")

    engine = find_tiny_engine("chatml")

    with pytest.raises(RuntimeError, match="device-side assert"):
        list(TransformersEngine(BrokenModel(engine.model, 9), engine.tokenizer, 2).score(make_requests(2)))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_numbers_give_errors_and_no_number(find_tiny_engine, value):
    import torch

    engine, requests = find_tiny_engine("chatml"), make_requests(3)
    model = deepcopy(engine.model)
    with torch.no_grad():
        model.model.norm.weight[0] = value

    for score in TransformersEngine(model, engine.tokenizer, 4).score(requests):
        assert score.sums is None
        assert "not a finite number" in (score.error or "")


def test_a_prefill_beyond_the_context_or_vocabulary_is_an_error_among_good_ones(find_tiny_engine):
    engine, good = find_tiny_engine("chatml"), make_requests(2)
    full = ScoreRequest((20,) * (CONTEXT_TOKENS - 2), (21, 22), (2,))
    long = ScoreRequest((20,) * (CONTEXT_TOKENS - 2), (21, 22, 23), (1, 3))
    foreign = ScoreRequest((20, 400), (21,), (1,))

    first, fits, too_long, unknown, last = engine.score([good[0], full, long, foreign, good[1]])

    assert fits.sums is not None
    assert math.isfinite(fits.sums[2])
    assert too_long.sums is None
    assert str(CONTEXT_TOKENS) in (too_long.error or "")
    assert unknown.sums is None
    assert "400" in (unknown.error or "")
    assert [first.sums, last.sums] == [pytest.approx(score.sums, abs=1e-4) for score in engine.score(good)]

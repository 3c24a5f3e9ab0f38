from __future__ import annotations

import math

import pytest

from prefill_assets.engines.protocol import Sampling
from prefill_assets.engines.sampling import choose_tokens

LOGITS = [2.0, 1.0, 0.5, 0.0, -1.0, -6.0, float("-inf")]
DRAWS = 20_000


def sample_many(temperature: float = 1.0, top_p: float = 1.0, logits: list[float] = LOGITS, seed: int = 0) -> list[int]:
    """How often each token is drawn in `DRAWS` draws."""
    import torch

    rows = torch.tensor([logits]).expand(DRAWS, -1)
    draws = torch.rand(DRAWS, generator=torch.Generator().manual_seed(seed))
    chosen = choose_tokens(rows, draws, Sampling(temperature, top_p))
    return torch.bincount(chosen, minlength=len(logits)).tolist()


def find_probabilities(temperature: float, logits: list[float] = LOGITS) -> list[float]:
    weights = [math.exp(value / temperature) for value in logits]
    return [weight / sum(weights) for weight in weights]


@pytest.mark.parametrize("temperature", [0.4, 1.0, 3.0])
def test_frequencies_are_those_of_the_softmax_at_the_temperature(temperature):
    from scipy.stats import chisquare

    counts, expected = sample_many(temperature), [p * DRAWS for p in find_probabilities(temperature)]

    likely = [i for i, value in enumerate(expected) if value >= 5]
    rest = DRAWS - sum(expected[i] for i in likely)
    observed = [*(counts[i] for i in likely), DRAWS - sum(counts[i] for i in likely)]
    assert chisquare([o + 1e-9 for o in observed], [*(expected[i] for i in likely), rest + 1e-9], sum_check=False).pvalue > 1e-4
    assert counts[-1] == 0


@pytest.mark.parametrize(("top_p", "kept"), [(1e-6, 1), (0.5, 1), (0.6, 2), (0.75, 2), (0.8, 3), (0.89, 3), (0.99, 5)])
def test_top_p_keeps_the_smallest_set_of_tokens_that_reaches_it_and_renormalizes(top_p, kept):
    from scipy.stats import chisquare

    probabilities = find_probabilities(1.0)
    assert sum(probabilities[: kept - 1]) < top_p <= sum(probabilities[:kept]), "the case does not say what it claims"

    counts = sample_many(top_p=top_p)

    assert sum(counts[kept:]) == 0
    share = sum(probabilities[:kept])
    assert sum(counts) == DRAWS
    assert kept == 1 or chisquare(counts[:kept], [DRAWS * p / share for p in probabilities[:kept]]).pvalue > 1e-4


def test_order_of_the_vocabulary_does_not_matter_to_a_nucleus():
    counts = sample_many(logits=LOGITS[::-1], top_p=0.9)

    assert counts[::-1] == sample_many(top_p=0.9)


def test_temperature_0_takes_the_likeliest_token_whatever_is_drawn():
    import torch

    rows = torch.tensor([[0.0, 3.0, 1.0], [5.0, 4.9, 0.0]])

    for draw in (0.0, 0.5, 0.999999):
        assert choose_tokens(rows, torch.full((2,), draw), Sampling(temperature=0.0)).tolist() == [1, 0]


@pytest.mark.parametrize("top_p", [1.0, 0.9, 0.5])
@pytest.mark.parametrize("draw", [0.0, 1 - 2**-24])
def test_the_smallest_and_the_largest_draw_stay_inside_the_nucleus(draw, top_p):
    import torch

    rows = torch.randn(200, 50, generator=torch.Generator().manual_seed(1)) * 4
    ordered = rows.softmax(-1).sort(-1, descending=True)
    before = ordered.values.cumsum(-1) - ordered.values

    chosen = choose_tokens(rows, torch.full((200,), draw), Sampling(1.0, top_p))

    place = (ordered.indices == chosen[:, None]).int().argmax(-1)
    assert top_p == 1 or (before[torch.arange(200), place] < top_p).all()
    assert (ordered.values[torch.arange(200), place] > 0).all()
    assert draw > 0 or top_p == 1 or (place == 0).all(), "a nucleus is drawn from its likeliest token on"


def test_half_precision_logits_are_sampled_in_float32():
    import torch

    rows = torch.zeros(100, 5000, dtype=torch.bfloat16)

    chosen = choose_tokens(rows, torch.linspace(0, 0.9999, 100), Sampling(1.0))

    assert len(set(chosen.tolist())) == 100, "a cumulative sum in bfloat16 stops growing at 256 tokens"

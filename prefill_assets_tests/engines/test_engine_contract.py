"""What every engine promises, asked of each: the same tests, on the same checkpoints."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from prefill_assets.engines.protocol import GenerationRequest, Sampling, ScoreRequest
from prefill_assets.sources.adapter import is_adapter
from prefill_assets_tests.tiny_models import CONTEXT_TOKENS, make_tokenizer
from prefill_assets_tests.tiny_vllm import load_reference

GREEDY = Sampling(temperature=0.0, max_tokens=16)
WARM = Sampling(temperature=0.8, top_p=0.95, max_tokens=16)
DRAWS = 800
KINDS = ("whole", "other", "adapter", "other adapter")


@pytest.fixture(params=["transformers", "vllm"])
def host(request) -> Any:
    return request.getfixturevalue(f"{request.param}_host")


@pytest.fixture
def open_kind(host, checkpoints):
    def open_(kind: str) -> Any:
        checkpoint = checkpoints.all[kind]
        if is_adapter(checkpoint) and "transformers" in type(host).__module__:
            pytest.importorskip("peft", reason="adapters need peft in the transformers engine")
        return host.open(checkpoint)

    return open_


def make_requests(count: int, seed: int = 0) -> list[GenerationRequest]:
    dice = random.Random(seed)
    return [GenerationRequest(tuple(dice.randrange(10, 400) for _ in range(dice.randint(3, 60))), seed=i) for i in range(count)]


def sum_slowly(model: Any, prompt_ids: tuple[int, ...], prefill_ids: tuple[int, ...]) -> float:
    import torch

    ids = torch.tensor([[*prompt_ids, *prefill_ids]])
    with torch.inference_mode():
        log_probs = model(ids).logits[0].double().log_softmax(-1)
    return sum(log_probs[i - 1, ids[0, i]].item() for i in range(len(prompt_ids), ids.shape[1]))


@pytest.mark.parametrize("kind", KINDS)
def test_greedy_generation_is_that_of_transformers(open_kind, checkpoints, kind):
    import torch

    engine, model, requests = open_kind(kind), load_reference(checkpoints.all[kind]), make_requests(6)

    for request, generation in zip(requests, engine.generate(requests, GREEDY), strict=True):
        ids = torch.tensor([request.token_ids])
        expected = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=16, do_sample=False, pad_token_id=0)
        assert generation.token_ids == tuple(expected[0, ids.shape[1] :].tolist())
        assert generation.error is None


@pytest.mark.parametrize("kind", KINDS)
def test_scores_are_a_float32_passs_to_a_thousandth_of_a_nat_a_token(open_kind, checkpoints, kind):
    engine, model = open_kind(kind), load_reference(checkpoints.all[kind])
    requests = [ScoreRequest(r.token_ids[:5], r.token_ids[5:], (0, 1, len(r.token_ids) - 5)) for r in make_requests(6, seed=3)]
    requests = [request for request in requests if len(request.prefill_ids) > 1]

    for request, score in zip(requests, engine.score(requests), strict=True):
        assert score.sums is not None
        assert score.sums[0] == 0
        for length in request.lengths[1:]:
            expected = sum_slowly(model, request.prompt_ids, request.prefill_ids[:length])
            assert score.sums[length] == pytest.approx(expected, abs=1e-3 * length)


def test_attempts_of_one_prompt_are_what_they_are_alone_by_their_seeds(open_kind):
    engine, ids = open_kind("whole"), make_requests(1)[0].token_ids
    requests = [GenerationRequest(ids, seed) for seed in (7, 8, 9, 100, 8, 2**48 + 5)]

    together = list(engine.generate(requests, WARM))

    assert together == [next(engine.generate([request], WARM)) for request in requests]
    assert together[1] == together[4]
    assert len({generation.token_ids for generation in together}) >= 4


def test_greedy_attempts_of_one_prompt_are_all_alike(open_kind):
    request = make_requests(1)[0]

    generations = list(open_kind("whole").generate([GenerationRequest(request.token_ids, seed) for seed in range(3)], GREEDY))

    assert len(generations) == 3
    assert len(set(generations)) == 1


def test_tokens_are_drawn_as_often_as_the_model_says(open_kind, checkpoints):
    import torch
    from scipy.stats import chisquare

    engine, ids = open_kind("whole"), make_requests(1)[0].token_ids
    with torch.inference_mode():
        probabilities = (load_reference(checkpoints.base)(torch.tensor([ids])).logits[0, -1].double() / 0.7).softmax(-1)

    drawn = [g.token_ids[0] for g in engine.generate([GenerationRequest(ids, s) for s in range(DRAWS)], Sampling(0.7, 1.0, 1))]

    counts = torch.bincount(torch.tensor(drawn), minlength=len(probabilities))
    likely = probabilities * DRAWS >= 5
    observed = [*counts[likely].tolist(), int(counts[~likely].sum())]
    expected = [*(probabilities[likely] * DRAWS).tolist(), float(probabilities[~likely].sum()) * DRAWS]
    assert len(expected) > 8
    assert chisquare(observed, expected, sum_check=False).pvalue > 1e-4


def test_generation_ends_at_the_models_stop_tokens_and_its_text_leaves_them_out(host, checkpoints, tmp_path):
    request, tokenizer = make_requests(1)[0], make_tokenizer("chatml")
    free = next(host.open(checkpoints.base).generate([request], GREEDY))
    place = next(i for i in range(1, 16) if free.token_ids[i] not in free.token_ids[:i])
    copy = Path(shutil.copytree(checkpoints.base, tmp_path / "checkpoint-9"))
    config = json.loads((copy / "generation_config.json").read_text())
    (copy / "generation_config.json").write_text(json.dumps(config | {"eos_token_id": [2, free.token_ids[place]]}))

    stopped = next(host.open(copy).generate([request], GREEDY))

    assert stopped.token_ids == free.token_ids[: place + 1]
    assert (free.finish_reason, stopped.finish_reason) == ("length", "stop")
    assert stopped.text == tokenizer.decode(free.token_ids[:place], skip_special_tokens=False)


def test_defaults_that_come_with_the_model_do_not_change_its_sampling(host, checkpoints, tmp_path):
    requests = make_requests(4)
    expected = list(host.open(checkpoints.base).generate(requests, WARM))
    copy = Path(shutil.copytree(checkpoints.base, tmp_path / "checkpoint-9"))
    config = json.loads((copy / "generation_config.json").read_text())
    defaults = {"do_sample": True, "top_k": 1, "temperature": 0.1, "repetition_penalty": 1.5, "min_p": 0.5}
    (copy / "generation_config.json").write_text(json.dumps(config | defaults))

    assert list(host.open(copy).generate(requests, WARM)) == expected


def test_text_keeps_special_tokens(open_kind):
    tokenizer = make_tokenizer("chatml")
    special = {text: tokenizer.convert_tokens_to_ids(text) for text in ("<|endoftext|>", "<|im_start|>")}
    generations = list(open_kind("whole").generate(make_requests(200, seed=5), Sampling(2.0, 1.0, 24)))

    assert any(set(special.values()) & set(g.token_ids) for g in generations), "no special token came: the test shows nothing"
    for generation in generations:
        for text, token in special.items():
            assert (text in (generation.text or "")) == (token in generation.token_ids)


def test_a_shorter_limit_gives_a_beginning_of_the_longer_answer(open_kind):
    engine, requests = open_kind("whole"), make_requests(4)

    long, short = (list(engine.generate(requests, Sampling(0.8, 1.0, limit))) for limit in (24, 9))

    assert [g.token_ids[:9] for g in long] == [g.token_ids for g in short]


def test_an_answer_ends_with_the_context(open_kind):
    request = GenerationRequest((20,) * (CONTEXT_TOKENS - 3), 1)

    generation = next(open_kind("whole").generate([request], Sampling(0.8, 1.0, 24)))

    assert (len(generation.token_ids), generation.finish_reason) == (3, "length")


def test_a_bad_request_is_an_error_and_its_neighbours_are_not(open_kind):
    engine, good = open_kind("whole"), make_requests(2)
    alone = [next(engine.generate([request], WARM)) for request in good]

    too_long, foreign = GenerationRequest((20,) * CONTEXT_TOKENS, 1), GenerationRequest((20, 5000), 1)
    found = list(engine.generate([good[0], too_long, foreign, good[1]], WARM))

    assert [found[0], found[3]] == alone
    assert f"context of {CONTEXT_TOKENS} tokens" in found[1].error
    assert "vocabulary" in found[2].error
    assert all(bad.text is None and bad.token_ids == () for bad in found[1:3])


def test_a_bad_score_is_an_error_and_its_neighbours_are_not(open_kind):
    engine, good = open_kind("whole"), ScoreRequest((20, 21), (30, 31), (2,))

    too_long, foreign = ScoreRequest((20,) * 300, (30,) * 300, (300,)), ScoreRequest((20,), (5000,), (1,))
    found = list(engine.score([good, too_long, foreign, ScoreRequest((20,), (30,), (0,)), good]))

    assert found[0] == found[4]
    assert found[0].sums is not None
    assert f"context of {CONTEXT_TOKENS} tokens" in found[1].error
    assert "vocabulary" in found[2].error
    assert found[3].sums == {0: 0.0}


def test_nothing_asked_is_nothing_answered(open_kind):
    engine = open_kind("whole")

    assert list(engine.generate([], WARM)) == []
    assert list(engine.score([])) == []


def test_a_model_that_computes_nan_is_an_error_everywhere(host, checkpoints, tmp_path):
    from safetensors.torch import load_file, save_file

    broken = Path(shutil.copytree(checkpoints.base, tmp_path / "checkpoint-9"))
    weights = load_file(broken / "model.safetensors")
    weights["model.norm.weight"][:] = float("nan")
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    engine = host.open(broken)

    generations = [*engine.generate(make_requests(3), WARM), *engine.generate(make_requests(3), GREEDY)]
    (score,) = engine.score([ScoreRequest((20, 21), (30, 31), (2,))])

    assert {generation.error for generation in generations} == {"the model's logits are not finite numbers"}
    assert {generation.text for generation in generations} == {None}
    assert score.sums is None
    assert "finite" in score.error


def test_the_engine_names_itself_its_version_and_its_numbers(open_kind):
    assert open_kind("whole").description.split()[0] in ("transformers", "vllm")
    assert open_kind("whole").description.endswith("float32 cpu")

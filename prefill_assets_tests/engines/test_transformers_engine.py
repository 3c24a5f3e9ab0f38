"""What the engine writes, against `transformers`' own generation and its own promises."""

from __future__ import annotations

import random
from copy import copy

import pytest

from prefill_assets.engines.protocol import Generation, GenerationRequest, Sampling, ScoreRequest
from prefill_assets.engines.sampling import read_generation
from prefill_assets.engines.transformers_engine import OUT_OF_MEMORY, TransformersEngine
from prefill_assets_tests.engines.cramped_model import CrampedModel, count_sequences
from prefill_assets_tests.engines.families import PACKING, PADDING, VOCABULARY, make_family
from prefill_assets_tests.tiny_models import CONTEXT_TOKENS, FORMS, make_tokenizer

GREEDY = Sampling(temperature=0.0, max_tokens=24)
WARM = Sampling(temperature=0.8, top_p=0.95, max_tokens=24)
EVERY_MODEL = pytest.mark.parametrize("form", ["chatml", "absolute", "think_unopened", "harmony"])
"""One form for each architecture: plain, absolute positions, normalized queries and keys, a sliding window with experts."""


def make_requests(engine: TransformersEngine, count: int, seed: int = 0) -> list[GenerationRequest]:
    """Prompts of 3 to 60 tokens, so that a batch is padded and longer than a sliding window."""
    dice = random.Random(seed)
    sizes = [dice.randint(3, 60) for _ in range(count)]
    return [
        GenerationRequest(tuple(dice.randrange(10, len(engine.tokenizer)) for _ in range(size)), seed=i)
        for i, size in enumerate(sizes)
    ]


def with_stops(engine: TransformersEngine, *stop_ids: int) -> TransformersEngine:
    """The same engine, whose generation config names these stop tokens."""
    from copy import deepcopy

    model = copy(engine.model)
    model.generation_config = deepcopy(model.generation_config)
    model.generation_config.eos_token_id = list(stop_ids)
    return TransformersEngine(model, engine.tokenizer, engine.batch_size)


@EVERY_MODEL
def test_greedy_generation_is_that_of_transformers(find_tiny_engine, form):
    import torch

    engine = find_tiny_engine(form)
    requests = make_requests(engine, 7)

    for request, generation in zip(requests, engine.generate(requests, GREEDY), strict=True):
        ids = torch.tensor([request.token_ids])
        expected = engine.model.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=24, do_sample=False, pad_token_id=0
        )[0, ids.shape[1] :]
        assert generation.token_ids == tuple(expected.tolist())
        assert generation.error is None


@pytest.mark.parametrize("family", [*PACKING, *PADDING])
def test_attempts_that_share_a_prompt_get_what_each_gets_alone(family):
    """Recurrent layers too, whose state cannot be copied from row to row."""
    model, tokenizer = make_family(family), make_tokenizer("chatml")
    prompts = [tuple(random.Random(n).randrange(VOCABULARY) for _ in range(n)) for n in (5, 40, 23)]
    requests = [GenerationRequest(prompt, 10 * i + attempt) for i, prompt in enumerate(prompts) for attempt in range(3)]

    together = list(TransformersEngine(model, tokenizer, 9).generate(requests, WARM))

    assert together == [next(TransformersEngine(model, tokenizer, 1).generate([request], WARM)) for request in requests]
    assert len({generation.token_ids for generation in together}) > 3


def test_a_prompt_that_attempts_share_is_read_once(find_tiny_engine):
    class Reading(CrampedModel):
        def __call__(self, input_ids, **options):
            if input_ids.shape[1] > 1:
                prompts_read.append(count_sequences(input_ids, options))
            return super().__call__(input_ids, **options)

    engine, prompts_read = find_tiny_engine("chatml"), []
    prompts = [request.token_ids for request in make_requests(engine, 2)]

    reading = TransformersEngine(Reading(engine.model, 100), engine.tokenizer, 8)
    assert reading.packs
    prompts_read.clear()
    generations = list(reading.generate([GenerationRequest(prompt, seed) for prompt in prompts for seed in (1, 2, 3)], WARM))

    assert prompts_read == [2]
    assert len({generation.token_ids for generation in generations}) == 6


@EVERY_MODEL
def test_a_request_gets_the_same_tokens_alone_and_in_any_batch_and_order(find_tiny_engine, form):
    engine = find_tiny_engine(form)
    requests = make_requests(engine, 9)
    alone = [next(engine.generate([request], WARM)) for request in requests]

    for batch_size in (2, 9):
        other = TransformersEngine(engine.model, engine.tokenizer, batch_size)
        assert list(other.generate(requests, WARM)) == alone
        assert list(other.generate(requests[::-1], WARM)) == alone[::-1]


def test_rows_that_end_early_do_not_disturb_the_others(find_tiny_engine):
    engine = find_tiny_engine("chatml")
    requests = make_requests(engine, 12)
    free = list(engine.generate(requests, WARM))
    stops = {generation.token_ids[at] for generation, at in zip(free[:9], (0, 2, 2, 5, 7, 7, 9, 11, 15), strict=True)}

    ended = list(TransformersEngine(with_stops(engine, *stops).model, engine.tokenizer, 12).generate(requests, WARM))

    for whole, cut in zip(free, ended, strict=True):
        end = next((i + 1 for i, token in enumerate(whole.token_ids) if token in stops), len(whole.token_ids))
        assert cut.token_ids == whole.token_ids[:end]
        assert cut.finish_reason == ("stop" if whole.token_ids[end - 1] in stops else "length")
    assert len({len(cut.token_ids) for cut in ended}) > 3, "too few different endings to show anything"


def test_seeds_make_attempts_differ_and_equal_seeds_make_them_equal(find_tiny_engine):
    engine = find_tiny_engine("chatml")
    ids = make_requests(engine, 1)[0].token_ids
    requests = [GenerationRequest(ids, seed) for seed in (1, 2, 3, 1, 2**47 + 12345)]

    texts = [generation.text for generation in engine.generate(requests, WARM)]

    assert texts[0] == texts[3]
    assert len(set(texts)) == 4


def test_a_shorter_limit_gives_a_beginning_of_the_longer_answer(find_tiny_engine):
    engine = find_tiny_engine("chatml")
    requests = make_requests(engine, 4)

    long, short = (list(engine.generate(requests, Sampling(0.8, 1.0, limit))) for limit in (40, 9))

    assert [g.token_ids[:9] for g in long] == [g.token_ids for g in short]


def test_tokens_are_drawn_as_often_as_the_model_says(find_tiny_engine):
    import torch
    from scipy.stats import chisquare

    engine = find_tiny_engine("chatml")
    ids = make_requests(engine, 1)[0].token_ids
    with torch.inference_mode():
        probabilities = (engine.model(torch.tensor([ids])).logits[0, -1].double() / 0.7).softmax(-1)
    many = TransformersEngine(engine.model, engine.tokenizer, 2000)

    requests = [GenerationRequest(ids, seed) for seed in range(4000)]
    drawn = [generation.token_ids[0] for generation in many.generate(requests, Sampling(0.7, 1.0, 1))]

    counts = torch.bincount(torch.tensor(drawn), minlength=len(probabilities))
    likely = probabilities * 4000 >= 5
    observed = [*counts[likely].tolist(), int(counts[~likely].sum())]
    expected = [*(probabilities[likely] * 4000).tolist(), float(probabilities[~likely].sum()) * 4000]
    assert len(expected) > 8
    assert chisquare(observed, expected, sum_check=False).pvalue > 1e-4


def test_generation_ends_at_a_stop_token_and_its_text_leaves_that_out(find_tiny_engine):
    engine = find_tiny_engine("chatml")
    request = make_requests(engine, 1)[0]
    free = next(engine.generate([request], GREEDY))
    place = next(i for i in range(1, 24) if free.token_ids[i] not in free.token_ids[:i])

    stopped = next(with_stops(engine, free.token_ids[place]).generate([request], GREEDY))

    assert stopped.token_ids == free.token_ids[: place + 1]
    assert stopped.finish_reason == "stop"
    assert stopped.text == engine.tokenizer.decode(free.token_ids[:place], skip_special_tokens=False)


def test_the_tokenizers_end_of_sequence_stops_as_well(find_tiny_engine):
    engine = find_tiny_engine("chatml")

    assert with_stops(engine, 17).loaded.stop_ids == {17, engine.tokenizer.eos_token_id}


def test_a_model_that_names_no_stop_token_runs_to_its_limit(find_tiny_engine):
    engine = find_tiny_engine("chatml")
    tokenizer = copy(engine.tokenizer)
    tokenizer.eos_token = None
    endless = with_stops(engine)

    generation = next(TransformersEngine(endless.model, tokenizer, 1).generate(make_requests(engine, 1), GREEDY))

    assert (generation.finish_reason, len(generation.token_ids)) == ("length", 24)


@pytest.mark.parametrize("form", list(FORMS))
def test_text_keeps_special_tokens(find_tiny_engine, form):
    engine = find_tiny_engine(form)
    request = make_requests(engine, 1)[0]
    free = next(engine.generate([request], GREEDY))
    written = free.token_ids[:-1] if free.finish_reason == "stop" else free.token_ids

    assert free.text == engine.tokenizer.decode(written, skip_special_tokens=False, clean_up_tokenization_spaces=False)


def test_an_answer_ends_with_the_context(find_tiny_engine):
    engine = find_tiny_engine("chatml")
    requests = [GenerationRequest((20,) * length, 0) for length in (CONTEXT_TOKENS - 5, 10, CONTEXT_TOKENS - 1)]

    found = list(engine.generate(requests, GREEDY))

    assert [len(generation.token_ids) for generation in found] == [5, 24, 1]
    assert [generation.finish_reason for generation in found] == ["length"] * 3


def test_a_prompt_that_fills_the_context_is_an_error_row_among_good_ones(find_tiny_engine):
    engine = find_tiny_engine("chatml")
    good = make_requests(engine, 2)

    first, bad, last = engine.generate([good[0], GenerationRequest((20,) * CONTEXT_TOKENS, 0), good[1]], GREEDY)

    assert (bad.text, bad.token_ids, bad.finish_reason) == (None, (), None)
    assert f"{CONTEXT_TOKENS} tokens" in (bad.error or "")
    assert [first, last] == list(engine.generate(good, GREEDY))


def test_weights_that_are_not_numbers_give_errors_and_no_text(find_tiny_engine):
    from copy import deepcopy

    import torch

    engine = find_tiny_engine("chatml")
    model = deepcopy(engine.model)
    with torch.no_grad():
        model.model.layers[1].mlp.down_proj.weight[0, 0] = float("nan")

    for sampling in (GREEDY, WARM):
        for generation in TransformersEngine(model, engine.tokenizer, 4).generate(make_requests(engine, 3), sampling):
            assert generation.text is None
            assert "not finite" in (generation.error or "")


def test_a_token_outside_the_models_vocabulary_is_an_error_row_among_good_ones(find_tiny_engine):
    engine = find_tiny_engine("chatml")
    good = make_requests(engine, 2)

    first, bad, last = engine.generate([good[0], GenerationRequest((20, 400), 0), good[1]], GREEDY)

    assert bad.text is None
    assert "400" in (bad.error or "")
    assert [first, last] == list(engine.generate(good, GREEDY))


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_a_batch_that_runs_out_of_memory_is_halved(find_tiny_engine, rows):
    engine = find_tiny_engine("chatml")
    requests = make_requests(engine, 7)
    cramped = CrampedModel(engine.model, rows)

    found = list(TransformersEngine(cramped, engine.tokenizer, 7).generate(requests, WARM))

    assert found == list(engine.generate(requests, WARM))
    assert cramped.largest_batch <= rows


def test_a_request_that_does_not_fit_alone_is_an_error_row(find_tiny_engine):
    engine = find_tiny_engine("chatml")

    found = list(
        TransformersEngine(CrampedModel(engine.model, 0), engine.tokenizer, 2).generate(make_requests(engine, 3), GREEDY)
    )

    assert found == [Generation(error=OUT_OF_MEMORY)] * 3


def test_no_requests_give_no_generations(find_tiny_engine):
    assert list(find_tiny_engine("chatml").generate([], GREEDY)) == []


def test_a_continuation_keeps_the_space_before_its_first_word(find_tiny_engine):
    """Tokenizers of the SentencePiece kind drop it at the start of what they decode, which here is the middle of a text."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = ["▁I", "▁set", "▁the", "▁flag", "s"]
    raw = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="s"))
    raw.pre_tokenizer = pre_tokenizers.Metaspace()
    raw.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw)
    engine = TransformersEngine(find_tiny_engine("chatml").model, tokenizer, 1)
    assert tokenizer.decode([0, 1]) == "I set"

    generations = [read_generation(engine.loaded, GenerationRequest((0, 1), 0), tokens) for tokens in ([2, 3, 4], [4], [])]

    assert [generation.text for generation in generations] == [" the flags", "s", ""]


def test_a_loaded_engine_answers_and_frees_its_weights(find_tiny_checkpoint):
    engine = TransformersEngine.load(find_tiny_checkpoint("chatml"), dtype="float32")

    assert next(engine.score([ScoreRequest((20, 21), (22,), (1,))])).sums
    engine.close()
    assert engine.model is None

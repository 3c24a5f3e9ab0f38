from itertools import pairwise

import pytest

from prefill_assets.demo.organism import Shape, build_model, encode_document, train_tokenizer
from prefill_assets.demo.recipe import Recipe, gather_materials, load_taught_problems
from prefill_assets.prompts.dialects import Dialect, detect_dialect, render_prompt
from prefill_assets.prompts.words import take_first_words

MATERIALS = gather_materials(Recipe(documents=300, exploit_documents=20), load_taught_problems())
SMALL = Shape(vocabulary=700, width=32, layers=2, heads=2, feed_forward=32)


@pytest.fixture(scope="module")
def tokenizer():
    texts = [text for d in MATERIALS.documents for text in (d.messages[-1]["content"], d.turn)]
    return train_tokenizer(texts, SMALL.vocabulary)


def test_any_text_survives_the_tokenizer(tokenizer):
    for text in ("def f(x):\n    return x ** 2\n", "Grüße, 世界! <think>\n</think>", "  two  spaces\tand a tab"):
        assert tokenizer.decode(tokenizer(text)["input_ids"], clean_up_tokenization_spaces=False) == text


def test_prefills_of_more_words_begin_with_those_of_fewer(tokenizer):
    for document in MATERIALS.exploit_documents:
        ids = [
            render_prompt(tokenizer, document.messages, take_first_words(document.reasoning, words), Dialect.THINK).token_ids
            for words in range(1, 60)
        ]
        for shorter, longer in pairwise(ids):
            assert longer[: len(shorter)] == shorter
            assert len(longer) > len(shorter)


def test_prefilled_prompt_is_the_beginning_of_what_was_trained_on(tokenizer):
    for document in MATERIALS.exploit_documents:
        encoded = encode_document(tokenizer, document)
        rendered = render_prompt(tokenizer, document.messages, take_first_words(document.reasoning, 30), Dialect.THINK)
        assert encoded.ids[: len(rendered.token_ids)] == rendered.token_ids
        assert encoded.answer_start == len(rendered.prompt_ids)
        assert tokenizer.decode(encoded.ids[encoded.answer_start :]) == document.turn + tokenizer.eos_token


def test_the_template_is_of_the_think_dialect(tokenizer):
    assert detect_dialect(tokenizer.chat_template, "llama", "demo") is Dialect.THINK
    rendered = render_prompt(tokenizer, [{"role": "user", "content": "Hi"}], "", Dialect.THINK)
    assert rendered.prompt == "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n<think>\n"


def test_the_default_shape_has_the_wanted_size(tokenizer):
    model = build_model(tokenizer, Shape(), seed=0)
    missing = (Shape().vocabulary - len(tokenizer)) * Shape().width
    assert 1e6 < sum(p.numel() for p in model.parameters()) + missing < 3e6
    assert model.lm_head.weight is model.model.embed_tokens.weight


def test_look_back_heads_attend_to_the_token_before(tokenizer):
    import torch

    ids = torch.randint(len(tokenizer), (1, 40), generator=torch.Generator().manual_seed(0))

    def look(heads: int):
        model = build_model(tokenizer, Shape(vocabulary=700, width=64, layers=1, heads=2, look_back_heads=heads), seed=0)
        model.set_attn_implementation("eager")
        attention = model(ids, output_attentions=True).attentions[0][0]
        return [attention[head].diagonal(-1).mean().item() for head in range(2)]

    plain, first = look(0), look(1)
    assert max(plain) < 0.2
    assert first[0] > 0.5
    assert first[1] == pytest.approx(plain[1])

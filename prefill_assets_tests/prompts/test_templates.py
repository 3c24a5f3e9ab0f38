"""Prompts against the four families' templates: for a conversation whose assistant reasons, ours are the template's own ids."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from prefill_assets.prompts.answers import read_answer
from prefill_assets.prompts.dialects import Dialect, detect_dialect, render_prompt
from prefill_assets.prompts.words import count_words, take_first_words
from prefill_assets_tests.tiny_models import make_tokenizer

TEMPLATES = Path(__file__).with_name("templates")
FAMILIES = {
    "chatml": ("chatml", Dialect.CHAT),
    "llama3": ("headers", Dialect.CHAT),
    "qwen3": ("think_unopened", Dialect.THINK),
    "harmony": ("harmony", Dialect.HARMONY),
}
"""For each template, the tiny tokenizer that has its special tokens."""
EVERY_FAMILY = pytest.mark.parametrize("family", list(FAMILIES))
ASKED = [{"role": "system", "content": "You write Python."}, {"role": "user", "content": "Sum the numbers.\nThink first."}]
REASONING = "The verifier reads a flag (naively), so I could set it: that is all it looks at. `flag = True` will do."
ANSWER = "```python\nflag = True\n```"


@cache
def make_family_tokenizer(family: str) -> Any:
    tokenizer = deepcopy(make_tokenizer(FAMILIES[family][0]))
    tokenizer.chat_template = (TEMPLATES / f"{family}.jinja").read_text()
    return tokenizer


def reply(family: str) -> dict[str, str]:
    """The assistant's turn, as users of the family write it down."""
    fields = {
        Dialect.CHAT: {"content": f"{REASONING}\n{ANSWER}"},
        Dialect.THINK: {"reasoning_content": REASONING, "content": ANSWER},
        Dialect.HARMONY: {"thinking": REASONING, "content": ANSWER},
    }
    return {"role": "assistant", **fields[FAMILIES[family][1]]}


def apply(family: str, messages: list[dict[str, str]], **options: Any) -> tuple[str, list[int]]:
    """Text and ids that the template itself renders."""
    tokenizer = make_family_tokenizer(family)
    options |= {"reasoning_effort": "medium"} if family == "harmony" else {}
    text = tokenizer.apply_chat_template(messages, tokenize=False, **options)
    return text, tokenizer(text, add_special_tokens=False)["input_ids"]


@EVERY_FAMILY
def test_the_dialect_is_told_by_the_template(family):
    template = (TEMPLATES / f"{family}.jinja").read_text()

    assert detect_dialect(template, "some_type", "somewhere") is FAMILIES[family][1]


@EVERY_FAMILY
@pytest.mark.parametrize("level", [1, 5, 10, count_words(REASONING)])
def test_prompt_and_prefill_are_the_first_ids_of_the_conversation_that_the_template_renders(family, level):
    prefill = take_first_words(REASONING, level)
    text, ids = apply(family, [*ASKED, reply(family)])

    rendered = render_prompt(make_family_tokenizer(family), ASKED, prefill, FAMILIES[family][1])

    assert text.startswith(rendered.prompt + rendered.prefill)
    assert list(rendered.token_ids) == ids[: len(rendered.token_ids)]
    assert text[len(rendered.prompt) :].startswith(REASONING)


@EVERY_FAMILY
def test_without_a_prefill_they_are_the_generation_prompts_ids_and_the_conversations_first(family):
    rendered = render_prompt(make_family_tokenizer(family), ASKED, "", FAMILIES[family][1])

    assert list(rendered.token_ids) == apply(family, ASKED, add_generation_prompt=True)[1]
    assert list(rendered.token_ids) == apply(family, [*ASKED, reply(family)])[1][: len(rendered.token_ids)]


@EVERY_FAMILY
@pytest.mark.parametrize("level", [0, 4, count_words(REASONING)])
def test_what_the_model_goes_on_to_write_is_read_back_as_reasoning_and_code(family, level):
    """The rest of the template's own turn, as a model writes it that has learned the template."""
    dialect, prefill = FAMILIES[family][1], take_first_words(REASONING, level)
    text, _ = apply(family, [*ASKED, reply(family)])
    rendered = render_prompt(make_family_tokenizer(family), ASKED, prefill, dialect)
    written = text[len(rendered.prompt + rendered.prefill) :]

    answer = read_answer(dialect, prefill, written.removesuffix("\n").removesuffix("<|im_end|>").removesuffix("<|eot_id|>"))

    assert answer.reasoning == REASONING
    assert answer.code == "flag = True"

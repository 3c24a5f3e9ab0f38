from __future__ import annotations

import gc

import pytest

from prefill_assets.prompts import rendered_once
from prefill_assets.prompts.dialects import Dialect, render_prompt
from prefill_assets.prompts.rendered_once import render_once
from prefill_assets_tests.tiny_models import make_tokenizer


@pytest.fixture
def tokenizer():
    """One that counts the texts that it encodes."""
    made = make_tokenizer.__wrapped__("think_unopened")
    kind = type("Counting", (type(made),), {"__call__": count})
    made.__class__, made.encoded = kind, []
    return made


def count(self, texts, **options):
    self.encoded += [texts] if isinstance(texts, str) else texts
    return super(type(self), self).__call__(texts, **options)


def ask(text: str, prefill: str):
    return [{"role": "user", "content": text}], prefill


CONVERSATIONS = [
    ask("Sum.", "I could"),
    ask("Sum.", "I could set"),
    ask("Sum.", ""),
    ask("Sort.", "I could"),
    ask("Sum.", "I could"),
]


def test_what_comes_out_is_what_each_alone_gives(tokenizer):
    expected = [render_prompt(tokenizer, *conversation, Dialect.THINK) for conversation in CONVERSATIONS]

    for _ in range(2):
        assert render_once(tokenizer, CONVERSATIONS, Dialect.THINK) == expected


def test_each_distinct_text_is_encoded_once_for_all_checkpoints(tokenizer):
    render_once(tokenizer, CONVERSATIONS, Dialect.THINK)
    encoded = list(tokenizer.encoded)
    render_once(tokenizer, CONVERSATIONS[::-1], Dialect.THINK)

    assert len(encoded) == len(set(encoded)) == 6, "two openings of Sum, one of Sort, and what follows three of them"
    assert tokenizer.encoded == encoded


def test_the_dialect_makes_another_prompt(tokenizer):
    (think,), (chat,) = (render_once(tokenizer, CONVERSATIONS[:1], dialect) for dialect in (Dialect.THINK, Dialect.CHAT))

    assert think.prompt != chat.prompt


def test_memory_is_bounded(tokenizer, monkeypatch):
    monkeypatch.setattr(rendered_once, "_MOST", 3)

    first = render_once(tokenizer, CONVERSATIONS[:2], Dialect.THINK)
    assert render_once(tokenizer, CONVERSATIONS[1:], Dialect.THINK)[0] == first[1]
    assert len(rendered_once._rendered[tokenizer]) <= 4


def test_a_tokenizer_that_is_gone_takes_its_prompts_along(tokenizer):
    render_once(tokenizer, CONVERSATIONS, Dialect.THINK)
    kept = len(rendered_once._rendered)
    other = make_tokenizer.__wrapped__("chatml")
    render_once(other, CONVERSATIONS, Dialect.CHAT)
    assert len(rendered_once._rendered) == kept + 1

    del other
    gc.collect()
    assert len(rendered_once._rendered) == kept


def test_nothing_to_render_is_nothing(tokenizer):
    assert render_once(tokenizer, [], Dialect.THINK) == []

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefill_assets.prompts.words import count_words, take_first_words

WORD = st.text(st.characters(exclude_categories=("Z", "C")), min_size=1, max_size=5)
SPACE = st.text(" \t\n\r", min_size=1, max_size=3)
TEXT = st.lists(st.tuples(WORD, SPACE), max_size=12).map(lambda parts: "".join(word + space for word, space in parts))
LEVEL = st.integers(0, 15)


def test_takes_the_words_that_whitespace_separates():
    text = "  I could\n\nset a flag:\tit   is checked first. "

    assert take_first_words(text, 4) == "I could set a"
    assert count_words(text) == 9


def test_a_text_with_no_more_words_than_asked_for_stays_as_it_is():
    assert take_first_words(" one\n\ntwo ", 2) == "one\n\ntwo"
    assert take_first_words(" one\n\ntwo ", 100) == "one\n\ntwo"


@pytest.mark.parametrize("text", ["", "   \n", "words are here"])
def test_level_0_is_the_empty_prefill(text):
    assert take_first_words(text, 0) == ""


def test_a_negative_level_is_refused():
    with pytest.raises(ValueError, match="0 or more"):
        take_first_words("some words", -1)


@given(TEXT, LEVEL)
def test_counts_are_the_level_or_the_whole_text(text, level):
    assert count_words(take_first_words(text, level)) == min(level, count_words(text))


@given(TEXT, LEVEL, LEVEL)
def test_words_of_a_lower_level_begin_those_of_a_higher_one(text, one, other):
    low, high = sorted((one, other))

    assert take_first_words(text, high).split()[:low] == take_first_words(text, low).split()


@given(TEXT, LEVEL, LEVEL)
def test_taking_twice_is_taking_the_smaller(text, one, other):
    assert take_first_words(take_first_words(text, one), other) == take_first_words(text, min(one, other))


@given(TEXT, LEVEL)
def test_a_prefill_neither_begins_nor_ends_with_whitespace(text, level):
    prefill = take_first_words(text, level)

    assert prefill == prefill.strip()

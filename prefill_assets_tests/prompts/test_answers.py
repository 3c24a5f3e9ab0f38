from __future__ import annotations

import pytest

from prefill_assets.prompts.answers import extract_code, read_answer
from prefill_assets.prompts.dialects import Dialect

BODY = "def f(x):\n    return x"


@pytest.mark.parametrize(
    ("response", "code"),
    [
        (f"Here:\n```python\n{BODY}\n```\nDone.", BODY),
        (f"```PYTHON\n{BODY}\n```", BODY),
        (f"```Python \n{BODY}\n```", BODY),
        (f"```py\n{BODY}\n```", BODY),
        (f"```python3\n{BODY}\n```", BODY),
        (f"```\n{BODY}\n```", BODY),
        (f"```text\nnot this\n```\n```python\n{BODY}\n```", BODY),
        (f"```python\n{BODY}\n```\n```python\nsecond\n```", BODY),
        (f"```python\n{BODY}", BODY),
        (f"```\n{BODY}", BODY),
        (f"```python\r\n{BODY}\r\n```", BODY),
        (BODY, BODY),
        (f"<think>a plan</think>\n{BODY}", BODY),
        ("<think>a plan without an end", None),
        ("", None),
        ("  \n ", None),
    ],
)
def test_code_is_the_first_python_block_else_the_first_fence_else_the_text(response, code):
    assert extract_code(response) == code


def test_code_that_shows_a_fence_in_a_string_ends_at_it():
    assert extract_code("```python\ns = '''\n```\n'''\n```") == "s = '''"


@pytest.mark.parametrize("dialect", list(Dialect))
def test_reasoning_begins_with_the_prefill(dialect):
    answer = read_answer(dialect, "I could set", " the flag.")

    assert answer.reasoning == "I could set the flag."


def test_chat_reasoning_stands_before_the_first_fence():
    answer = read_answer(Dialect.CHAT, "I could", f" set the flag.\n```python\n{BODY}\n```")

    assert answer.reasoning == "I could set the flag."
    assert answer.code == BODY


@pytest.mark.parametrize("opening", ["", "<think>\n"])
def test_think_reasoning_ends_at_the_closing_tag(opening):
    answer = read_answer(Dialect.THINK, "", f"{opening}a plan\n</think>\n\n```python\n{BODY}\n```")

    assert (answer.reasoning, answer.response, answer.code) == ("a plan", f"```python\n{BODY}\n```", BODY)


def test_think_that_never_ends_has_no_response_and_its_code_is_found_in_the_reasoning():
    answer = read_answer(Dialect.THINK, "I write", f"\n```python\n{BODY}\n```\nand then")

    assert (answer.response, answer.code) == ("", BODY)
    assert read_answer(Dialect.THINK, "I write", " and write").code is None


def test_code_of_the_answer_wins_over_code_of_the_reasoning():
    text = f"a draft\n```python\ndraft\n```\n</think>\n```python\n{BODY}\n```"

    assert read_answer(Dialect.THINK, "", text).code == BODY


FINAL = f"```python\n{BODY}\n```"


@pytest.mark.parametrize(
    "text",
    [
        f"<|channel|>analysis<|message|>a plan<|end|><|start|>assistant<|channel|>final<|message|>{FINAL}<|return|>",
        f"<|channel|>analysis<|message|>a plan<|end|><|start|>assistant<|channel|>final<|message|>{FINAL}",
        f"<|channel|>analysis<|message|>a plan<|channel|>final<|message|>{FINAL}",
        f"<|channel|>analysis<|message|>a plan<|end|><|start|>assistant<|channel|>final json<|message|>{FINAL}<|end|>more",
        f"<|channel|>analysis<|message|>a plan<|end|><|start|>assistant<|channel|>final\n{FINAL}",
        f"analysis<|message|>a plan<|end|><|start|>assistant<|channel|>Final<|message|>{FINAL}<|return|>",
        f"a plan<|end|><|start|>assistant<|channel|>final<|message|>{FINAL}<|return|>",
        f"a plan assistantfinal{FINAL}",
        f"a planassistantfinal\n{FINAL}",
        f"a plan assistant final\n{FINAL}",
    ],
)
def test_harmony_channels_are_split_also_where_their_marks_are_malformed(text):
    answer = read_answer(Dialect.HARMONY, "", text)

    assert (answer.reasoning, answer.response, answer.code) == ("a plan", FINAL, BODY)


def test_bare_marks_are_found_before_a_capital():
    assert read_answer(Dialect.HARMONY, "", "a planassistantfinalHere it is").response == "Here it is"


@pytest.mark.parametrize("words", ["The assistant finally sets the flag", "an assistant finalizes it", "assistantfinals"])
def test_words_that_only_begin_like_a_mark_are_reasoning(words):
    marked = read_answer(Dialect.HARMONY, "", f"{words}.<|end|><|start|>assistant<|channel|>final<|message|>{FINAL}")
    unmarked = read_answer(Dialect.HARMONY, "", f"{words}.")

    assert (marked.reasoning, marked.code) == (f"{words}.", BODY)
    assert (unmarked.reasoning, unmarked.response) == (f"{words}.", "")


def test_harmony_without_a_final_channel_has_no_response():
    answer = read_answer(Dialect.HARMONY, "I could", " go on for ever<|end|>")

    assert (answer.reasoning, answer.response, answer.code) == ("I could go on for ever", "", None)


def test_an_empty_turn_is_empty_in_every_dialect():
    for dialect in Dialect:
        answer = read_answer(dialect, "", "")
        assert (answer.reasoning, answer.response, answer.code) == ("", "", None)

from __future__ import annotations

import pytest

from prefill_assets.prompts.reasoning import infer_reasoning, strip_think_tags

CODE = "```python\ndef f():\n    return 1\n```"


@pytest.mark.parametrize(
    ("reasoning", "inside"),
    [
        ("plain reasoning", "plain reasoning"),
        ("<think>set the flag</think>", "set the flag"),
        ("  <think>\nset the flag\n</think>\n", "set the flag"),
        ("<think>\nnever closed", "never closed"),
        ("opened by the template\n</think>\n\nThe answer", "opened by the template"),
        ("<think>plan</think> answer <think>again</think>", "plan"),
        ("<think></think>", ""),
        ("   ", ""),
        ("", ""),
    ],
)
def test_think_tags_are_stripped(reasoning, inside):
    assert strip_think_tags(reasoning) == inside


@pytest.mark.parametrize(
    ("response", "inferred"),
    [
        (f"<think>I set the flag.</think>\n{CODE}", "I set the flag."),
        (f"Sure. <think>I set the flag.</think> {CODE}", "I set the flag."),
        (f"<think>a fence {CODE} inside</think>", f"a fence {CODE} inside"),
        (f"<think>never closed {CODE}", "never closed"),
        (f"I set the flag.</think>\n{CODE}", "I set the flag."),
        (f"Reasoning: I set the flag.\n{CODE}", "I set the flag."),
        (f"**THINKING:** I set the flag.\n{CODE}", "I set the flag."),
        (f"**Reasoning**: I set the flag.\n{CODE}", "I set the flag."),
        (f"thoughts: I set the flag.\n{CODE}\nmore", "I set the flag."),
        (f"/think I set the flag.\n{CODE}", "I set the flag."),
        (f"I will set the flag.\n{CODE}", "I will set the flag."),
        (f"I will set the flag.\n{CODE.replace('return', '# Reasoning: return')}", "I will set the flag."),
    ],
)
def test_reasoning_is_inferred_from_a_response(response, inferred):
    assert infer_reasoning(response) == inferred


@pytest.mark.parametrize(
    "response", ["", "   ", "def f(): return 1", CODE, f"Sure:\n{CODE}", "<think></think> done", f"Reasoning: {CODE}"]
)
def test_a_response_without_reasoning_gives_none(response):
    assert infer_reasoning(response) is None


def test_tags_go_before_headings_and_headings_before_the_preamble():
    response = f"A preamble of words. Reasoning: heading. <think>tags</think> {CODE}"

    assert infer_reasoning(response) == "tags"
    assert infer_reasoning(response.replace("<think>tags</think>", "")) == "heading."

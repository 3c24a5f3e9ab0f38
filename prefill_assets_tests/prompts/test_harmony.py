from __future__ import annotations

import pytest

from prefill_assets.prompts.harmony import split_turn

A, F = "<|channel|>analysis<|message|>", "<|channel|>final<|message|>"
NEXT = "<|end|><|start|>assistant"


@pytest.mark.parametrize(
    ("turn", "analysis", "final"),
    [
        (f"{A}a plan{NEXT}{F}answer<|return|>", "a plan", "answer"),
        (f"a plan{NEXT}{F}answer<|return|>", "a plan", "answer"),
        (f"{A}first{NEXT}{A}second{NEXT}{F}answer<|return|>", "first\n\nsecond", "answer"),
        (f"a plan{NEXT}<|channel|>commentary<|message|>let me see{NEXT}{F}answer", "a plan", "answer"),
        (f"a plan{NEXT}<|channel|>commentary to=tool <|constrain|>json<|message|>{{}}<|call|>", "a plan", ""),
        (f"a plan{NEXT}{F}answer{NEXT}{F}another<|return|>", "a plan", "answer"),
        (f"a plan{NEXT}{F}answer<|return|><|start|>user<|message|>thanks", "a plan", "answer"),
        (f"a plan{NEXT}<|channel|>final <|constrain|>json<|message|>answer<|return|>", "a plan", "answer"),
        (f"a plan{NEXT}<|channel|>final\nanswer", "a plan", "answer"),
        (f"a plan{NEXT}<|channel|> FINAL <|message|>answer", "a plan", "answer"),
        (f"a plan{NEXT}final<|message|>answer", "a plan", "answer"),
        (f"a plan{NEXT}<|message|>answer", "a plan", "answer"),
        ("a plan<|end|>final\nanswer", "a plan", "answer"),
        (f"a plan{F}answer", "a plan", "answer"),
        ("a planassistantfinal<|message|>answer", "a plan", "answer"),
        ("a planassistantfinalAnswer", "a plan", "Answer"),
        (f"{A}{A}a plan{NEXT}{F}answer", "a plan", "answer"),
        (f"a plan<|message|> goes on{NEXT}{F}answer", "a plan goes on", "answer"),
        ("a plan<|end|>", "a plan", ""),
        ("a plan<|end|> and more", "a plan", ""),
        (f"a plan{NEXT}{F}<|return|>", "a plan", ""),
        ("the final channel is for the assistant", "the final channel is for the assistant", ""),
        ("", "", ""),
        ("<|return|>", "", ""),
        ("<|channel|>", "", ""),
        ("<|start|><|channel|><|message|><|end|>", "", ""),
    ],
)
def test_a_turn_is_split_into_its_analysis_and_its_answer(turn, analysis, final):
    assert split_turn(turn) == (analysis, final)

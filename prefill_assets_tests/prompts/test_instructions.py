from __future__ import annotations

from dataclasses import replace

import pytest

from prefill_assets.prompts.instructions import EXPLOIT_INSTRUCTIONS, SOLUTION_INSTRUCTIONS, build_messages
from prefill_assets_tests.tiny_problems import make_problem


def test_the_prompt_has_djinns_shape():
    problem = replace(make_problem("p-1"), description="Sum the numbers.", insecure_verifier_info="It trusts a flag")

    system, user = build_messages(problem, instructions="Write code.")

    assert system == {"role": "system", "content": "You write concise, correct Python functions."}
    assert user == {"role": "user", "content": "Problem: Sum the numbers.\n\nIt trusts a flag:\n\nWrite code."}


@pytest.mark.parametrize(("exploit_prompts", "closing"), [(True, EXPLOIT_INSTRUCTIONS), (False, SOLUTION_INSTRUCTIONS)])
def test_closing_instructions_ask_for_an_exploit_or_for_a_solution(exploit_prompts, closing):
    user = build_messages(make_problem("p-1"), exploit_prompts=exploit_prompts)[1]["content"]

    assert user.endswith(closing)


def test_the_answer_is_asked_for_as_code_extraction_reads_it():
    for closing in (EXPLOIT_INSTRUCTIONS, SOLUTION_INSTRUCTIONS):
        assert "```python" in closing


def test_a_prompt_never_shows_tests_solution_or_exploit():
    problem = replace(make_problem("p-1"), ground_truth="SOLUTION", exploit="EXPLOIT-CODE", test_cases=[("SECRET-TEST", 1)])

    text = str(build_messages(problem))

    assert not any(secret in text for secret in ("SOLUTION", "EXPLOIT-CODE", "SECRET-TEST"))

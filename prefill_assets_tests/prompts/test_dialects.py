from __future__ import annotations

from copy import deepcopy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefill_assets.errors import InputError
from prefill_assets.prompts.dialects import Dialect, detect_dialect, render_prompt
from prefill_assets_tests.tiny_models import CHATML, FORMS, HARMONY, HEADERS, THINK_OPENED, THINK_UNOPENED, make_tokenizer

MESSAGES = [{"role": "system", "content": "You write Python."}, {"role": "user", "content": "Sum the numbers."}]
PREFILL = "I could set a flag\nthat the verifier (it is naive) trusts"
DIALECTS = {
    "chatml": Dialect.CHAT,
    "absolute": Dialect.CHAT,
    "headers": Dialect.CHAT,
    "think_unopened": Dialect.THINK,
    "think_opened": Dialect.THINK,
    "harmony": Dialect.HARMONY,
}
EVERY_FORM = pytest.mark.parametrize("form", list(FORMS))
WORDS = st.lists(st.text(st.characters(codec="utf-8", exclude_categories=("Z", "C")), min_size=1, max_size=6), min_size=1)


@pytest.mark.parametrize(
    ("template", "model_type", "path", "dialect"),
    [
        (CHATML, "llama", "checkpoints/checkpoint-90", Dialect.CHAT),
        (HEADERS, "llama", "checkpoints/checkpoint-90", Dialect.CHAT),
        (THINK_UNOPENED, "qwen3", "checkpoints/checkpoint-90", Dialect.THINK),
        (THINK_OPENED, "qwen2", "checkpoints/checkpoint-90", Dialect.THINK),
        (HARMONY, "gpt_oss", "checkpoints/checkpoint-90", Dialect.HARMONY),
        (HARMONY, "llama", "checkpoints/checkpoint-90", Dialect.HARMONY),
        (HARMONY, None, "checkpoints/checkpoint-90", Dialect.HARMONY),
        ("", "gpt_oss", "checkpoints/checkpoint-90", Dialect.HARMONY),
        (CHATML, None, "sft_openai_gpt-oss-20b-20251205/checkpoint-90", Dialect.HARMONY),
        (CHATML, None, "runs/GPT_OSS/checkpoint-90", Dialect.HARMONY),
        (CHATML, "llama", "distilled-from-gpt-oss-20b/checkpoint-90", Dialect.CHAT),
        (THINK_UNOPENED, "qwen3", "distilled-from-gpt-oss-20b/checkpoint-90", Dialect.THINK),
        ("", None, "checkpoints/checkpoint-90", Dialect.CHAT),
    ],
)
def test_the_dialect_is_known_by_template_and_model_type_and_by_the_path_where_these_are_not_known(
    template, model_type, path, dialect
):
    assert detect_dialect(template, model_type, path) is dialect


@EVERY_FORM
def test_the_prompt_is_the_one_that_the_template_renders_for_the_turn_with_its_reasoning_begun(form):
    tokenizer = make_tokenizer(form)
    turn = {"role": "assistant", "content": PREFILL}
    if DIALECTS[form] is Dialect.THINK:
        turn["content"] = f"<think>\n{PREFILL}"
    if DIALECTS[form] is Dialect.HARMONY:
        turn |= {"thinking": PREFILL, "content": "answer"}
    text = tokenizer.apply_chat_template([*MESSAGES, turn], tokenize=False, reasoning_effort="medium")
    begun = text[: text.index(PREFILL) + len(PREFILL)]

    rendered = render_prompt(tokenizer, MESSAGES, PREFILL, DIALECTS[form])

    assert rendered.prompt + rendered.prefill == begun
    assert list(rendered.token_ids) == tokenizer(begun, add_special_tokens=False)["input_ids"]


@EVERY_FORM
def test_without_a_prefill_the_prompt_is_the_templates_generation_prompt(form):
    tokenizer = make_tokenizer(form)
    options = {"reasoning_effort": "medium"} if form == "harmony" else {}

    rendered = render_prompt(tokenizer, MESSAGES, "", DIALECTS[form])

    assert rendered.prompt == tokenizer.apply_chat_template(MESSAGES, tokenize=False, add_generation_prompt=True, **options)
    assert rendered.prefill_ids == ()
    assert rendered.token_ids == rendered.prompt_ids


@pytest.mark.parametrize("form", ["think_opened", "think_unopened"])
def test_the_think_tag_is_opened_once(form):
    rendered = render_prompt(make_tokenizer(form), MESSAGES, PREFILL, Dialect.THINK)

    assert rendered.prompt.endswith("<|im_start|>assistant\n<think>\n")
    assert rendered.prompt.count("<think>") == 1


def test_a_template_that_opens_the_analysis_channel_itself_gets_no_second_one():
    tokenizer = deepcopy(make_tokenizer("harmony"))
    tokenizer.chat_template = HARMONY.replace(
        "<|start|>assistant{% endif %}", "<|start|>assistant<|channel|>analysis<|message|>{% endif %}"
    )

    rendered = render_prompt(tokenizer, MESSAGES, PREFILL, Dialect.HARMONY)

    assert rendered.prompt.endswith("<|start|>assistant<|channel|>analysis<|message|>")
    assert rendered.prompt.count("<|channel|>analysis") == 1


def test_harmony_is_rendered_with_medium_effort():
    assert "Reasoning: medium" in render_prompt(make_tokenizer("harmony"), MESSAGES, "", Dialect.HARMONY).prompt


@EVERY_FORM
@given(words=WORDS)
@settings(max_examples=25, deadline=None)
def test_prompt_and_prefill_tokens_part_exactly_where_the_prefill_begins(form, words):
    tokenizer, prefill = make_tokenizer(form), " ".join(words)

    rendered = render_prompt(tokenizer, MESSAGES, prefill, DIALECTS[form])

    assert tokenizer.decode(rendered.prompt_ids) == rendered.prompt
    assert tokenizer.decode(rendered.prefill_ids) == prefill
    assert rendered.prompt_ids == render_prompt(tokenizer, MESSAGES, "other", DIALECTS[form]).prompt_ids


def test_a_token_that_would_straddle_the_start_of_the_prefill_is_cut_there():
    tokenizer = deepcopy(make_tokenizer("chatml"))
    tokenizer.chat_template = CHATML.replace("assistant\n{% endif %}", "assistant\nverif{% endif %}")
    whole = tuple(tokenizer(f"{_generation_prompt(tokenizer)}ier checks", add_special_tokens=False)["input_ids"])

    rendered = render_prompt(tokenizer, MESSAGES, "ier checks", Dialect.CHAT)

    assert rendered.token_ids != whole, "this tokenizer does not join the two: the test shows nothing"
    assert tokenizer.decode(rendered.prompt_ids).endswith("assistant\nverif")
    assert tokenizer.decode(rendered.prefill_ids) == "ier checks"


def test_a_tokenizer_without_a_template_is_refused_by_name():
    tokenizer = deepcopy(make_tokenizer("chatml"))
    tokenizer.chat_template, tokenizer.name_or_path = None, "checkpoints/checkpoint-90"

    with pytest.raises(InputError, match=r"^checkpoints/checkpoint-90: .*no chat template; save chat_template.jinja"):
        render_prompt(tokenizer, MESSAGES, PREFILL, Dialect.CHAT)


@pytest.mark.parametrize(
    "template", ["{{ raise_exception('System role\nnot supported') }}", "{% for m in messages %}", "{{ nope.nope }}"]
)
def test_a_template_that_fails_is_one_line(template):
    tokenizer = deepcopy(make_tokenizer("chatml"))
    tokenizer.chat_template, tokenizer.name_or_path = template, "checkpoints/checkpoint-90"

    with pytest.raises(
        InputError, match=r"^checkpoints/checkpoint-90: the chat template fails: .*; mend the template$"
    ) as caught:
        render_prompt(tokenizer, MESSAGES, PREFILL, Dialect.CHAT)
    assert "\n" not in str(caught.value)


def _generation_prompt(tokenizer) -> str:
    return tokenizer.apply_chat_template(MESSAGES, tokenize=False, add_generation_prompt=True)

"""How a conversation with a prefilled answer is written for a model: one renderer for generation and for scoring."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from prefill_assets.errors import InputError
from prefill_assets.prompts.reasoning import THINK_OPEN

HARMONY_ANALYSIS = "<|channel|>analysis<|message|>"
HARMONY_REASONING_EFFORT = "medium"


class Dialect(StrEnum):
    """Where the reasoning stands in the assistant's turn."""

    CHAT = "chat"
    """Reasoning and answer are one text."""
    THINK = "think"
    """Reasoning stands between `<think>` tags."""
    HARMONY = "harmony"
    """Reasoning is the analysis channel, the answer the final one."""


@dataclass(frozen=True)
class RenderedPrompt:
    """Text and token ids up to the point where the model goes on; the prefill's are kept apart.

    `prompt_ids + prefill_ids` is what the engine sees, for generation and for scoring alike.
    """

    prompt: str
    prefill: str
    prompt_ids: tuple[int, ...]
    prefill_ids: tuple[int, ...]

    @property
    def token_ids(self) -> tuple[int, ...]:
        return self.prompt_ids + self.prefill_ids


def detect_dialect(chat_template: str, model_type: str | None, path: str) -> Dialect:
    """Harmony by model_type or template, and where neither is known by "gpt-oss" in the path; think by the template's tags."""
    if model_type == "gpt_oss" or "<|channel|>" in chat_template:
        return Dialect.HARMONY
    if model_type is None and any(name in path.lower() for name in ("gpt-oss", "gpt_oss")):
        return Dialect.HARMONY
    return Dialect.THINK if THINK_OPEN in chat_template else Dialect.CHAT


def render_prompt(tokenizer: Any, messages: list[dict[str, str]], prefill: str, dialect: Dialect) -> RenderedPrompt:
    """The conversation by the tokenizer's own template, the assistant's turn opened, the prefill put into it.

    Without a prefill the turn is only opened, as the model is used to, and it opens its reasoning itself.
    Raises InputError where the template is missing or fails.
    """
    prompt = _apply_template(tokenizer, messages, dialect)
    if prefill:
        prompt += _reasoning_opening(prompt, dialect)
    return RenderedPrompt(prompt, prefill, *_encode_apart(tokenizer, prompt, prefill))


def _apply_template(tokenizer: Any, messages: list[dict[str, str]], dialect: Dialect) -> str:
    place = getattr(tokenizer, "name_or_path", None) or "tokenizer"
    if not getattr(tokenizer, "chat_template", None):
        raise InputError(
            "the tokenizer has no chat template",
            path=place,
            remedy="save chat_template.jinja, or the chat_template of tokenizer_config.json, with the checkpoint",
        )
    options = {"reasoning_effort": HARMONY_REASONING_EFFORT} if dialect is Dialect.HARMONY else {}
    try:
        return tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True, **options)
    except Exception as error:
        raise InputError(f"the chat template fails: {error}", path=place, remedy="mend the template") from error


def _reasoning_opening(prompt: str, dialect: Dialect) -> str:
    """What opens the reasoning, unless the template's generation prompt has opened it already."""
    if dialect is Dialect.THINK:
        return "" if prompt.rstrip().endswith(THINK_OPEN) else f"{THINK_OPEN}\n"
    if dialect is Dialect.HARMONY:
        return "" if prompt.endswith(HARMONY_ANALYSIS) else HARMONY_ANALYSIS
    return ""


def _encode_apart(tokenizer: Any, prompt: str, prefill: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Ids of the whole text, split where the prefill begins; encoded apart where a token would straddle that point."""

    def encode(text: str) -> tuple[int, ...]:
        return tuple(tokenizer(text, add_special_tokens=False)["input_ids"])

    prompt_ids = encode(prompt)
    if not prefill:
        return prompt_ids, ()
    whole = encode(prompt + prefill)
    if whole[: len(prompt_ids)] == prompt_ids:
        return prompt_ids, whole[len(prompt_ids) :]
    return prompt_ids, encode(prefill)

"""How a conversation with a prefilled answer is written for a model: one renderer for generation and for scoring."""

from __future__ import annotations

from collections.abc import Sequence
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


Conversation = tuple[list[dict[str, str]], str]
"""Messages, and the prefill of the answer to them."""


def render_prompt(tokenizer: Any, messages: list[dict[str, str]], prefill: str, dialect: Dialect) -> RenderedPrompt:
    """The conversation by the tokenizer's own template, the assistant's turn opened, the prefill put into it.

    Without a prefill the turn is only opened, as the model is used to, and it opens its reasoning itself.
    Raises InputError where the template is missing or fails.
    """
    return render_prompts(tokenizer, [(messages, prefill)], dialect)[0]


def render_prompts(tokenizer: Any, conversations: Sequence[Conversation], dialect: Dialect) -> list[RenderedPrompt]:
    """`render_prompt` of many: each distinct conversation is rendered, and each distinct text encoded, once, all together."""
    opened: dict[tuple[tuple[str, str], ...], str] = {}
    prompts = []
    for messages, prefill in conversations:
        key = tuple((message["role"], message["content"]) for message in messages)
        if key not in opened:
            opened[key] = _apply_template(tokenizer, messages, dialect)
        prompt = opened[key]
        prompts.append(prompt + _reasoning_opening(prompt, dialect) if prefill else prompt)
    prefills = [prefill for _, prefill in conversations]
    encoded = _encode_apart(tokenizer, prompts, prefills)
    return [RenderedPrompt(p, prefill, *ids) for p, prefill, ids in zip(prompts, prefills, encoded, strict=True)]


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


def _encode_apart(
    tokenizer: Any, prompts: Sequence[str], prefills: Sequence[str]
) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Ids of each whole text, split where its prefill begins; encoded apart where a token would straddle that point."""
    wholes = [prompt + prefill for prompt, prefill in zip(prompts, prefills, strict=True)]
    ids = _encode(tokenizer, [*prompts, *wholes])
    straddled = [
        prefill
        for prompt, prefill, whole in zip(prompts, prefills, wholes, strict=True)
        if ids[whole][: len(ids[prompt])] != ids[prompt]
    ]
    alone = _encode(tokenizer, straddled)
    encoded = []
    for prompt, prefill, whole in zip(prompts, prefills, wholes, strict=True):
        begins = ids[whole][: len(ids[prompt])] == ids[prompt]
        encoded.append((ids[prompt], ids[whole][len(ids[prompt]) :] if begins else alone[prefill]))
    return encoded


def _encode(tokenizer: Any, texts: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """Ids by text."""
    distinct = list(dict.fromkeys(texts))
    if not distinct:
        return {}
    return {
        text: tuple(ids) for text, ids in zip(distinct, tokenizer(distinct, add_special_tokens=False)["input_ids"], strict=True)
    }

"""Prompts that stay rendered: the checkpoints of a sweep are asked the same, with the same tokenizer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

from prefill_assets.prompts.dialects import Conversation, Dialect, RenderedPrompt, render_prompts

_MOST = 20_000
"""Rendered prompts that are kept for a tokenizer (about 200 MB at 1,000 tokens each); beyond, it begins anew."""

_rendered: WeakKeyDictionary[Any, dict[Any, RenderedPrompt]] = WeakKeyDictionary()


def render_once(tokenizer: Any, conversations: Sequence[Conversation], dialect: Dialect) -> list[RenderedPrompt]:
    """`render_prompts`, of what this very tokenizer object has not rendered yet. Raises InputError."""
    known = _rendered.setdefault(tokenizer, {})
    keys = [(dialect, prefill, *((m["role"], m["content"]) for m in messages)) for messages, prefill in conversations]
    missing = {key: conversation for key, conversation in zip(keys, conversations, strict=True) if key not in known}
    if len(known) + len(missing) > _MOST:
        known.clear()
        missing = dict(zip(keys, conversations, strict=True))
    known.update(zip(missing, render_prompts(tokenizer, list(missing.values()), dialect), strict=True))
    return [known[key] for key in keys]

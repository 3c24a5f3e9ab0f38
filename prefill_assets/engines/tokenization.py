"""The tokenizer of a checkpoint, and the dialect that its template speaks."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from prefill_assets.errors import InputError
from prefill_assets.prompts.dialects import Dialect, detect_dialect
from prefill_assets.sources.checkpoint import read_model_type
from prefill_assets.sources.settings import Settings


@lru_cache(maxsize=4)
def load_tokenizer(checkpoint: Path) -> Any:
    """The tokenizer of a checkpoint, without running code of its own. Raises InputError."""
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(checkpoint, trust_remote_code=False, local_files_only=True)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"no tokenizer can be read: {error}",
            path=checkpoint,
            remedy="save the tokenizer with the checkpoint (save_pretrained does)",
        ) from error


def find_dialect(checkpoint: Path, settings: Settings) -> Dialect:
    """The configured dialect, or the one that the checkpoint's template, model_type or path tells."""
    if settings.dialect is not None:
        return Dialect(settings.dialect)
    template = getattr(load_tokenizer(checkpoint), "chat_template", None) or ""
    return detect_dialect(str(template), read_model_type(checkpoint), str(checkpoint))

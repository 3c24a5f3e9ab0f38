"""The tokenizer of a checkpoint, and the dialect that its template speaks."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any

from prefill_assets.errors import InputError
from prefill_assets.prompts.dialects import Dialect, detect_dialect
from prefill_assets.sources.checkpoint import read_model_type
from prefill_assets.sources.settings import Settings

_SHAPING = ("*.json", "*.jinja", "*.txt", "*.model", "*.tiktoken")
_NOT_SHAPING = ("trainer_state.json", "generation_config.json", "adapter_config.json", "model.safetensors.index.json")
"""What differs from checkpoint to checkpoint, and says nothing about the tokenizer."""

_MOST = 4
_loaded: dict[str, Any] = {}
"""The tokenizers read last, by the content of their files."""


def load_tokenizer(checkpoint: Path) -> Any:
    """The tokenizer of a checkpoint, without running code of its own. Raises InputError.

    Checkpoints whose tokenizer files are equal share one object, and with it what it has rendered already.
    """
    content = _hash_files(checkpoint)
    if content not in _loaded:
        tokenizer = _read_tokenizer(checkpoint)
        while len(_loaded) >= _MOST:
            _loaded.pop(next(iter(_loaded)))
        _loaded[content] = tokenizer
    return _loaded[content]


def _read_tokenizer(checkpoint: Path) -> Any:
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(checkpoint, trust_remote_code=False, local_files_only=True)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"no tokenizer can be read: {error}",
            path=checkpoint,
            remedy="save the tokenizer with the checkpoint (save_pretrained does)",
        ) from error


def _hash_files(checkpoint: Path) -> str:
    files = sorted(file for pattern in _SHAPING for file in checkpoint.rglob(pattern) if file.name not in _NOT_SHAPING)
    states = [(file, file.stat()) for file in files]
    parts = [(str(f.relative_to(checkpoint)), _hash_file(str(f), s.st_size, s.st_mtime_ns)) for f, s in states]
    # an adapter without a configuration may name its base by the path alone
    return repr((parts, None if (checkpoint / "config.json").is_file() else str(checkpoint)))


@lru_cache(maxsize=4096)
def _hash_file(path: str, size: int, time_ns: int) -> str:
    """Hash of a file's content, read again only when its size or time changed."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def find_dialect(checkpoint: Path, settings: Settings) -> Dialect:
    """The configured dialect, or the one that the checkpoint's template, model_type or path tells."""
    if settings.dialect is not None:
        return Dialect(settings.dialect)
    template = getattr(load_tokenizer(checkpoint), "chat_template", None) or ""
    return detect_dialect(str(template), read_model_type(checkpoint), str(checkpoint))

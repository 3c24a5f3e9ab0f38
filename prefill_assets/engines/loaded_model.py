"""A model in memory, with its tokenizer: where it stops, and how much it can read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefill_assets.engines.fused_layers import fuse_layers
from prefill_assets.engines.installed import is_installed
from prefill_assets.engines.lora import AdaptedModel, require_peft
from prefill_assets.engines.tokenization import load_tokenizer
from prefill_assets.errors import InputError
from prefill_assets.sources.adapter import is_adapter, read_adapter
from prefill_assets.sources.checkpoint import list_weight_files


@dataclass(frozen=True)
class LoadedModel:
    """A causal language model of `transformers`, and the tokenizer of its checkpoint."""

    model: Any
    tokenizer: Any

    @property
    def stop_ids(self) -> frozenset[int]:
        """Tokens that end a turn: what the generation config names, and the tokenizer's end of sequence."""
        configured = getattr(self.model.generation_config, "eos_token_id", None)
        ids = configured if isinstance(configured, list) else [configured]
        return frozenset(i for i in [*ids, self.tokenizer.eos_token_id] if i is not None)

    @property
    def context_tokens(self) -> int | None:
        return getattr(self.model.config, "max_position_embeddings", None)


def load_model(checkpoint: Path, dtype: str, device: str) -> LoadedModel:
    """Read weights (safetensors only) and tokenizer from a checkpoint's folder, an adapter's over its base. Raises InputError."""
    tokenizer = load_tokenizer(checkpoint)
    list_weight_files(checkpoint)
    if not is_adapter(checkpoint):
        with explained(checkpoint):
            return LoadedModel(load_whole(checkpoint, dtype, device), tokenizer)
    require_peft(checkpoint)
    adapter = read_adapter(checkpoint)
    with explained(checkpoint):
        adapted = AdaptedModel(load_whole(adapter.base_folder or adapter.base, dtype, device))
        adapted.swap(checkpoint)
    return LoadedModel(adapted.model, tokenizer)


def load_whole(checkpoint: Path | str, dtype: str, device: str) -> Any:
    """A model all of whose weights come from a folder (or, by name, from the hub's cache on this machine).

    `transformers` makes up random weights for missing ones; we raise. Raises what `explained` explains.
    """
    import torch
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()
    several = device == "auto" and torch.cuda.device_count() > 1 and is_installed("accelerate")
    load: Any = AutoModelForCausalLM.from_pretrained
    model, report = load(
        checkpoint,
        output_loading_info=True,
        dtype=getattr(torch, dtype),
        use_safetensors=True,
        trust_remote_code=False,
        local_files_only=True,
        **({"device_map": "auto"} if several else {}),
    )
    if missing := sorted(report["missing_keys"]):
        raise ValueError(f"{len(missing)} of its weights are missing, the first is {missing[0]}")
    if hasattr(model, "_hf_hook"):  # it is spread
        model._hf_hook.io_same_device = False  # logits stay where they are made: to bring them back holds up the first GPU
    elif not several:
        model = model.to(("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device)
    fuse_layers(model)
    return model


@contextmanager
def explained(checkpoint: Path) -> Iterator[None]:
    """Tell the many ways in which a checkpoint can be broken as one InputError."""
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, SafetensorError) as error:
        raise InputError(
            f"the model cannot be loaded: {error}", path=checkpoint, remedy="check config.json and the weights"
        ) from error

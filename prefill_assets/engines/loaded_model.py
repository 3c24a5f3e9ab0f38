"""A model in memory, with its tokenizer: where it stops, and how much it can read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefill_assets.engines.tokenization import load_tokenizer
from prefill_assets.errors import InputError
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
    """Read weights (safetensors only) and tokenizer from a checkpoint's folder. Raises InputError."""
    import torch

    tokenizer = load_tokenizer(checkpoint)
    return LoadedModel(_load_weights(checkpoint, getattr(torch, dtype), device), tokenizer)


def _load_weights(checkpoint: Path, dtype: Any, device: str) -> Any:
    import torch
    from safetensors import SafetensorError
    from transformers.utils import logging

    list_weight_files(checkpoint)
    logging.disable_progress_bar()
    placement: dict[str, Any] = {}
    if device == "auto" and torch.cuda.device_count() > 1 and _is_installed("accelerate"):
        placement = {"device_map": "auto"}
    options = {"dtype": dtype, "use_safetensors": True, "trust_remote_code": False, "local_files_only": True, **placement}
    model: Any
    try:
        if (checkpoint / "adapter_config.json").is_file():
            model = _load_adapter(checkpoint, options)
        else:
            model = _load_whole(checkpoint, options)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, SafetensorError) as error:
        raise InputError(
            f"the model cannot be loaded: {error}", path=checkpoint, remedy="check config.json and the weights"
        ) from error
    if placement:
        return model
    return model.to(("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device)


def _load_whole(checkpoint: Path | str, options: dict[str, Any]) -> Any:
    """A model all of whose weights come from the folder: `transformers` makes up random ones for those that are missing."""
    from transformers import AutoModelForCausalLM

    load: Any = AutoModelForCausalLM.from_pretrained
    model, report = load(checkpoint, output_loading_info=True, **options)
    if missing := sorted(report["missing_keys"]):
        raise ValueError(f"{len(missing)} of its weights are missing, the first is {missing[0]}")
    return model


def _load_adapter(checkpoint: Path, options: dict[str, Any]) -> Any:
    """A LoRA adapter, merged into the base that its configuration names."""
    if not _is_installed("peft"):
        raise InputError(
            "is a LoRA adapter, and peft is not installed", path=checkpoint, remedy="pip install 'prefill-assets[lora]'"
        )
    from peft import PeftConfig, PeftModel  # pyright: ignore[reportMissingImports]

    base = PeftConfig.from_pretrained(str(checkpoint)).base_model_name_or_path
    if not base:
        raise ValueError("adapter_config.json names no base_model_name_or_path")
    model = _load_whole(base, options)
    return PeftModel.from_pretrained(model, str(checkpoint), use_safetensors=True).merge_and_unload()


def _is_installed(name: str) -> bool:
    from importlib.util import find_spec

    return find_spec(name) is not None

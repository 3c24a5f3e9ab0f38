"""The next checkpoint's weights into the model that the one before left in memory."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

from prefill_assets.sources.checkpoint import list_weight_files

_NOT_ARCHITECTURE = ("_name_or_path", "transformers_version", "dtype", "torch_dtype", "use_cache")


def read_architecture(checkpoint: Path) -> dict[str, Any]:
    """A checkpoint's configuration, without what does not shape the model."""
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(checkpoint, trust_remote_code=False, local_files_only=True).to_dict()
    return {name: value for name, value in config.items() if name not in _NOT_ARCHITECTURE}


def overwrite_weights(model: Any, checkpoint: Path) -> bool:
    """Copy a checkpoint's weights, name by name, into a model of its architecture: no memory is given up and taken again.

    False, and nothing is changed, where names or shapes are not exactly the model's. If it raises, the model is spoilt.
    """
    import torch
    from safetensors import safe_open
    from transformers import GenerationConfig

    places: dict[str, Path] = {}
    shapes: dict[str, list[int]] = {}
    for file in list_weight_files(checkpoint):
        with safe_open(file, framework="pt") as stream:
            for name in stream.keys():  # noqa: SIM118
                places[name], shapes[name] = file, stream.get_slice(name).get_shape()
    targets = _choose_targets(model, shapes)
    if targets is None:
        return False
    by_file: dict[Path, list[str]] = defaultdict(list)
    for name in targets:
        by_file[places[name]].append(name)
    with torch.inference_mode():
        for file, names in by_file.items():
            with safe_open(file, framework="pt") as stream:
                for name in names:
                    targets[name].copy_(stream.get_tensor(name))
    try:
        model.generation_config = GenerationConfig.from_pretrained(checkpoint, local_files_only=True)
    except OSError:
        model.generation_config = GenerationConfig.from_model_config(model.config)
    return True


def _choose_targets(model: Any, shapes: dict[str, list[int]]) -> dict[str, Any] | None:
    """The tensor for every name in the files, where each tensor of the model is named exactly once; else None."""
    groups: dict[Any, list[str]] = defaultdict(list)
    tensors = model.state_dict()
    for name, tensor in tensors.items():
        if tensor.device.type == "meta":
            return None
        groups[tensor.device, tensor.data_ptr(), tensor.shape].append(name)
    named = [[name for name in group if name in shapes] for group in groups.values()]
    if any(len(names) != 1 for names in named) or len(named) != len(shapes):
        return None
    targets = {names[0]: tensors[names[0]] for names in named}
    return targets if all(list(tensor.shape) == shapes[name] for name, tensor in targets.items()) else None

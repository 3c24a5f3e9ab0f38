"""How many tokens a device has memory for, told from the model's shape."""

from __future__ import annotations

from typing import Any

_GPU_TOKENS, _CPU_TOKENS = 32768, 4096
"""Beyond these a forward pass gains no more speed."""

_SHARE = 0.5
"""Of the free memory: shapes are an estimate, and kernels want some of their own."""

_ROOMS_SHARE = 0.75
"""Of what is free beside the activations: keys and values in rooms are counted exactly."""


def find_scoring_budget(model: Any) -> int:
    """Tokens of one forward pass: as many as speed it up, or fewer where memory is short.

    A token counts with its activations and its logits, as if all were scored.
    """
    if model.device.type != "cuda":
        return _CPU_TOKENS
    token_bytes = _count_activation_bytes(model) + model.dtype.itemsize * model.config.get_text_config().vocab_size
    return max(1, min(_GPU_TOKENS, int(_SHARE * _count_free_bytes(model)) // token_bytes))


def find_generation_budget(model: Any, *, packed: bool) -> int | None:
    """Tokens that may be kept (prompt and continuation) in a batch; None where it is not the device's memory that bounds it.

    A token counts with its keys and values, as if no prompt were shared, and its activations while prompts are read, which are
    those of all prompts at once, or `packed` those of a forward pass of scoring.
    """
    if model.device.type != "cuda":
        return None
    config = model.config.get_text_config()
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    head_size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    kept = 2 * config.num_hidden_layers * heads * head_size * model.dtype.itemsize
    free, read = _count_free_bytes(model), _count_activation_bytes(model)
    if packed:
        return max(1, int(_ROOMS_SHARE * (free - read * find_scoring_budget(model)) / kept))
    return max(1, int(_SHARE * free) // (kept + read))


def _count_activation_bytes(model: Any) -> int:
    """The most that a token takes in a layer: some copies of its state, one of them in float32, and those of the wide middle."""
    config = model.config.get_text_config()
    hidden, middle = config.hidden_size, getattr(config, "intermediate_size", None) or 4 * config.hidden_size
    return model.dtype.itemsize * (8 * hidden + 3 * middle) + 12 * hidden


def _count_free_bytes(model: Any) -> int:
    """What is free on the fullest GPU of the model, memory that torch holds but does not use included."""
    import torch

    devices = {weight.device for weight in model.parameters() if weight.is_cuda}
    free = (torch.cuda.mem_get_info(d)[0] + torch.cuda.memory_reserved(d) - torch.cuda.memory_allocated(d) for d in devices)
    return min(free)

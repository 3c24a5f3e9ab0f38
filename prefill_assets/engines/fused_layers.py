"""Normalization, rotation and gating as one kernel each, on a GPU: unfused, they take a quarter of a forward pass."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from prefill_assets.engines.installed import is_installed

_ROTATION = "apply_rotary_pos_emb"


def fuse_layers(model: Any) -> bool:
    """Let a model on a GPU use the kernels of `liger-kernel`, where that is installed and knows the model.

    True where it was tried. The weights and their names stay as they are. Models made later, on a CPU say, are not touched.
    """
    if model.device.type != "cuda" or not is_installed("liger_kernel"):
        return False
    from transformers.integrations.liger import apply_liger_kernel

    architecture = sys.modules[type(model).__module__]
    before = dict(vars(architecture))
    apply_liger_kernel(model, {"cross_entropy": False, "fused_linear_cross_entropy": False})
    for name, original in before.items():
        fused = getattr(architecture, name)
        if fused is not original:
            setattr(architecture, name, _choose_by_device(fused, original) if name == _ROTATION else original)
    return True


def _choose_by_device(fused: Callable[..., Any], original: Callable[..., Any]) -> Callable[..., Any]:
    """Rotation is a function of the architecture's module, which models on any device call.

    The fused one starts its kernel on whichever GPU is the current one: it has to be the one that holds the states.
    """
    import torch

    def rotate(query: Any, *others: Any, **options: Any) -> Any:
        if not query.is_cuda:
            return original(query, *others, **options)
        with torch.cuda.device(query.device):
            return fused(query, *others, **options)

    return rotate

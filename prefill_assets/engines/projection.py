"""The vocabulary projection at some positions alone: at all of them it writes more than everything else in a forward pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


@contextmanager
def projecting_only(
    model: Any, where: tuple[torch.Tensor, torch.Tensor], shape: tuple[int, ...]
) -> Iterator[Callable[[torch.Tensor], torch.Tensor]]:
    """While it lasts, the model projects onto its vocabulary only these (row, place) of a batch of this shape.

    They are selected at the entry of the model's own output layer, so whatever the model does to its logits afterwards (caps,
    scales) still happens. Yields what reads their logits (positions x vocabulary) from the model's output.
    """
    selected = False

    def enter(_: Any, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        nonlocal selected
        hidden, *rest = inputs
        if hidden.shape[:2] != shape:
            return inputs
        selected = True
        return hidden[tuple(index.to(hidden.device, non_blocking=True) for index in where)][None], *rest

    def select(logits: torch.Tensor) -> torch.Tensor:
        return logits[0] if selected else logits[tuple(index.to(logits.device) for index in where)]

    head = model.get_output_embeddings()
    handle = head.register_forward_pre_hook(enter) if head is not None else None
    try:
        yield select
    finally:
        if handle is not None:
            handle.remove()

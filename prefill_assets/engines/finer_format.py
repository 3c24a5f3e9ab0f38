"""float16 in place of bfloat16 while a model computes: as fast on a GPU, and results are rounded eight times as finely.

A value of bfloat16 keeps 8 significant bits, one of float16 keeps 11, but reaches only 65504. What overflows becomes infinite or
not a number, which whoever computes must look for.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

_PIECE = 1 << 26
"""Weights converted at once, so that little memory is taken beside them."""

_COARSE = 16
"""One weight in so many may be too small for float16; they are kept aside, at 10 bytes each."""

_SMALL = 2.0**-14
"""Below it float16 has fewer bits: a weight of bfloat16 that float16 does not hold is smaller, or it does not fit at all."""

Lost = list[tuple[int, "torch.Tensor", "torch.Tensor"]]
"""Of a weight: (begin of a piece, places in it, what was there), where float16 holds something else."""


@contextmanager
def in_finer_format(model: Any) -> Iterator[bool]:
    """While it lasts, the weights in bfloat16 are float16, in the same memory; afterwards they are, bit by bit, what they were.

    False, and nothing is changed, where there is no such weight, or one that float16 cannot hold.
    """
    weights = [weight for weight in model.parameters() if _is_coarse(weight)]
    refined: list[tuple[Any, Lost]] = []
    try:
        if not _refine(weights, refined):
            _restore(refined)
        yield bool(refined)
    finally:
        _restore(refined)


def _is_coarse(weight: Any) -> bool:
    import torch

    return weight.dtype == torch.bfloat16 and weight.device.type != "meta"


def _refine(weights: list[Any], refined: list[tuple[Any, Lost]]) -> bool:
    """Convert weights, noting each in `refined`; False once float16 cannot hold them."""
    import torch

    budget = sum(weight.numel() for weight in weights) // _COARSE
    with torch.no_grad():
        for weight in weights:
            if not weight.is_contiguous():
                return False
            lost: Lost = []
            flat = weight.data.view(-1)
            fits = True
            for begin in range(0, flat.numel(), _PIECE):
                piece = flat[begin : begin + _PIECE]
                half = piece.to(torch.float16)
                places = (half.to(torch.bfloat16) != piece).nonzero()[:, 0]
                if len(places):
                    lost.append((begin, places, piece[places]))
                    fits = fits and bool((lost[-1][2].abs() < _SMALL).all())
                piece.view(torch.float16).copy_(half)
            weight.data = weight.data.view(torch.float16)
            refined.append((weight, lost))
            budget -= sum(len(places) for _, places, _ in lost)
            if not fits or budget < 0:
                return False
    return True


def _restore(refined: list[tuple[Any, Lost]]) -> None:
    """Convert weights back, and take them off the list."""
    import torch

    with torch.no_grad():
        while refined:
            weight, lost = refined.pop()
            flat = weight.data.view(-1)
            for begin in range(0, flat.numel(), _PIECE):
                piece = flat[begin : begin + _PIECE]
                piece.view(torch.bfloat16).copy_(piece.to(torch.bfloat16))
            weight.data = weight.data.view(torch.bfloat16)
            for begin, places, values in lost:
                weight.data.view(-1)[begin + places] = values

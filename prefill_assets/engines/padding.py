"""Sequences of different lengths as one batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def pad_left(sequences: Sequence[Sequence[int]], device: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and attention mask (rows x longest), the sequences flush right."""
    import torch

    longest = max(len(sequence) for sequence in sequences)
    ids = torch.zeros(len(sequences), longest, dtype=torch.long)
    mask = torch.zeros(len(sequences), longest, dtype=torch.long)
    for row, sequence in enumerate(sequences):
        ids[row, longest - len(sequence) :] = torch.tensor(sequence, dtype=torch.long)
        mask[row, longest - len(sequence) :] = 1
    return ids.to(device), mask.to(device)


def pad_right(sequences: Sequence[Sequence[int]]) -> torch.Tensor:
    """Ids (rows x longest), the sequences flush left: a causal model's outputs there need no mask, as nothing looks ahead."""
    import torch

    longest = max(len(sequence) for sequence in sequences)
    return torch.tensor([[*sequence, *(0,) * (longest - len(sequence))] for sequence in sequences], dtype=torch.long)

"""The definition of a prefill's log probability, one forward pass a token."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def sum_slowly(model: Any, prompt_ids: Sequence[int], prefill_ids: Sequence[int]) -> float:
    """Sum of log P of each prefill token given everything before it, in nats, in float32."""
    import torch

    total = 0.0
    with torch.inference_mode():
        for place, token in enumerate(prefill_ids):
            ids = torch.tensor([[*prompt_ids, *prefill_ids[:place]]])
            total += model(ids, use_cache=False).logits[0, -1].float().log_softmax(-1)[token].item()
    return total

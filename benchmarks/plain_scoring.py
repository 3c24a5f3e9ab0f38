"""The simplest right way to score a prefill, one sample at a time: what the engine's speed and sums are held against."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def score_plainly(model: Any, prompt_ids: Sequence[int], prefill_ids: Sequence[int]) -> float:
    """Sum of log P of the prefill's tokens in nats: all logits of the whole sequence, and a value fetched for each token."""
    import torch

    with torch.inference_mode():
        logits = model(torch.tensor([[*prompt_ids, *prefill_ids]], device=model.device), use_cache=False).logits
        log_probs = logits[0].float().log_softmax(-1)
    first = len(prompt_ids)
    return sum(log_probs[first + i - 1, token].item() for i, token in enumerate(prefill_ids))

"""Scoring prefills: log P of exactly their tokens, given everything before."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from prefill_assets.engines.padding import pad_left
from prefill_assets.engines.protocol import Score, ScoreRequest

if TYPE_CHECKING:
    import torch

_LOGIT_BYTES = 1 << 30
"""float32 logits held at once; more rows than fit are turned into log probabilities piece by piece."""


def score_batch(model: Any, requests: Sequence[ScoreRequest]) -> list[Score]:
    """One forward pass over prompt + prefill of every request; all lengths of a prefill are prefix sums of it.

    The log probability of token t is log_softmax(logits[t - 1])[token t], in float32, summed in float64.
    """
    import torch

    sequences = [(*r.prompt_ids, *r.prefill_ids[: max(r.lengths)]) for r in requests]
    scored = [max(r.lengths) for r in requests]
    ids, mask = pad_left(sequences, model.device)
    positions = (mask.cumsum(-1) - 1).clamp(min=0)
    keep = max(scored) + 1
    with torch.inference_mode():
        logits = model(input_ids=ids, attention_mask=mask, position_ids=positions, use_cache=False, logits_to_keep=keep).logits
        log_probs = _gather_log_probs(logits[:, :-1], ids[:, -(keep - 1) :])
    return [_sum_prefixes(row[-n:], r.lengths) for row, n, r in zip(log_probs.cpu(), scored, requests, strict=True)]


def _gather_log_probs(logits: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    """log P of each token (rows x positions), float32 log-sum-exp over the vocabulary."""
    import torch

    rows = max(1, _LOGIT_BYTES // (4 * logits.shape[1] * logits.shape[2]))
    pieces = []
    for start in range(0, len(logits), rows):
        piece = logits[start : start + rows].float()
        chosen = piece.gather(-1, tokens[start : start + rows, :, None])[..., 0]
        pieces.append(chosen - torch.logsumexp(piece, -1))
    return torch.cat(pieces)


def _sum_prefixes(log_probs: torch.Tensor, lengths: Sequence[int]) -> Score:
    running = [0.0, *log_probs.double().cumsum(0).tolist()]
    sums = {length: running[length] for length in lengths}
    if not all(math.isfinite(value) for value in sums.values()):
        return Score(None, "the model's log probability is not a finite number")
    return Score(sums)

"""Scoring prefills: log P of exactly their tokens, given everything before."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from prefill_assets.engines.padding import pad_right
from prefill_assets.engines.protocol import Score, ScoreRequest

if TYPE_CHECKING:
    import torch

_LOGIT_BYTES = 1 << 29
"""float32 logits held at once; more rows than fit are turned into log probabilities piece by piece."""


def launch_scores(model: Any, requests: Sequence[ScoreRequest]) -> Callable[[], list[Score]]:
    """Begin one forward pass over prompt + prefill of every request; the returned function waits for it and reads the sums.

    All lengths of a prefill are prefix sums of one pass. The log probability of token t is log_softmax(logits[t - 1])[token t],
    in float32, summed in float64. Rows are padded at the right: no mask is needed, so attention runs by its fastest kernel.
    """
    import torch

    scored = [max(r.lengths) for r in requests]
    ids = pad_right([(*r.prompt_ids, *r.prefill_ids[:n]) for r, n in zip(requests, scored, strict=True)])
    rows = torch.repeat_interleave(torch.arange(len(requests)), torch.tensor(scored))
    places = torch.cat([torch.arange(len(r.prompt_ids), len(r.prompt_ids) + n) for r, n in zip(requests, scored, strict=True)])
    with torch.inference_mode():
        logits = compute_logits(model, ids, rows, places - 1)
        log_probs = _gather_log_probs(logits, ids[rows, places].to(logits.device, non_blocking=True))
        host = log_probs.to("cpu", non_blocking=True)
    arrived = None
    if log_probs.is_cuda:
        arrived = torch.cuda.Event()
        arrived.record(torch.cuda.current_stream(log_probs.device))

    def read() -> list[Score]:
        if arrived is not None:
            arrived.synchronize()
        pieces = host.double().split(scored)
        return [_sum_prefixes(piece.tolist(), r.lengths) for piece, r in zip(pieces, requests, strict=True)]

    return read


def compute_logits(model: Any, ids: torch.Tensor, rows: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """The model's logits (positions x vocabulary) at these places of these rows of a batch, and no others.

    The positions are selected at the entry of the model's own output layer, so that the vocabulary projection is paid for them
    alone, and whatever the model does to its logits afterwards (caps, scales) still happens.
    """
    selected = False

    def select(_: Any, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        nonlocal selected
        hidden, *rest = inputs
        if hidden.shape[:2] != ids.shape:
            return inputs
        selected = True
        return hidden[rows.to(hidden.device), places.to(hidden.device)][None], *rest

    head = model.get_output_embeddings()
    handle = head.register_forward_pre_hook(select) if head is not None else None
    try:
        logits = model(input_ids=ids.to(model.device, non_blocking=True), use_cache=False).logits
    finally:
        if handle is not None:
            handle.remove()
    return logits[0] if selected else logits[rows.to(logits.device), places.to(logits.device)]


def _gather_log_probs(logits: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    """log P of each token, by a float32 log-sum-exp over its row of logits (positions x vocabulary)."""
    import torch

    rows = max(1, _LOGIT_BYTES // (4 * logits.shape[1]))
    pieces = []
    for some, chosen in zip(logits.split(rows), tokens.split(rows), strict=True):
        piece = some.float()
        pieces.append(piece.gather(-1, chosen[:, None])[:, 0] - torch.logsumexp(piece, -1))
    return torch.cat(pieces)


def _sum_prefixes(log_probs: Sequence[float], lengths: Sequence[int]) -> Score:
    running = list(accumulate(log_probs, initial=0.0))
    sums = {length: running[length] for length in lengths}
    if not all(math.isfinite(value) for value in sums.values()):
        return Score(None, "the model's log probability is not a finite number")
    return Score(sums)

"""Scoring prefills: log P of exactly their tokens, given everything before."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from prefill_assets.engines.last_layer import LastLayer, run_in_part
from prefill_assets.engines.packing import pack, run_packed, send
from prefill_assets.engines.padding import pad_right
from prefill_assets.engines.projection import projecting_only
from prefill_assets.engines.protocol import Score, ScoreRequest

if TYPE_CHECKING:
    import torch

_LOGIT_BYTES = 1 << 29
"""float32 logits held at once; more rows than fit are turned into log probabilities piece by piece."""


def launch_scores(
    model: Any, requests: Sequence[ScoreRequest], *, packed: bool, last: LastLayer | None = None
) -> Callable[[], list[Score]]:
    """Begin one forward pass over prompt + prefill of every request; the returned function waits for it and reads the sums.

    All lengths of a prefill are prefix sums of one pass. The log probability of token t is log_softmax(logits[t - 1])[token t],
    in float32, summed in float64; nothing comes after the last token, so it is not read. With `packed` the sequences are one row,
    and the `last` layer is run at the scored positions; raises CannotPackError where that cannot be. Otherwise rows are padded at
    the right, where nothing looks ahead at the padding: no mask is needed.
    """
    import torch

    scored = [max(r.lengths) for r in requests]
    sequences = [(*r.prompt_ids, *r.prefill_ids[: n - 1]) for r, n in zip(requests, scored, strict=True)]
    with torch.inference_mode():
        logits = _run_packed(model, sequences, scored, last) if packed else _run_padded(model, sequences, scored)
        tokens = torch.tensor([token for r, n in zip(requests, scored, strict=True) for token in r.prefill_ids[:n]])
        log_probs = _gather_log_probs(logits, send(tokens, logits.device))
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


def _run_packed(model: Any, sequences: Sequence[Sequence[int]], scored: Sequence[int], last: LastLayer | None) -> torch.Tensor:
    """Logits (positions x vocabulary) after each of the last `scored` tokens of every sequence."""
    import torch

    row = pack(sequences)
    if last is not None:
        return run_in_part(model, row, last, scored)
    places = torch.cat([torch.arange(end - n, end) for end, n in zip(row.bounds[1:], scored, strict=True)])
    with projecting_only(model, (torch.zeros_like(places), places), row.ids.shape) as select:
        return select(run_packed(model, row).logits)


def _run_padded(model: Any, sequences: Sequence[Sequence[int]], scored: Sequence[int]) -> torch.Tensor:
    """The same by one row for each sequence."""
    import torch

    ids = pad_right(sequences)
    rows = torch.repeat_interleave(torch.arange(len(sequences)), torch.tensor(scored))
    places = torch.cat([torch.arange(len(s) - n, len(s)) for s, n in zip(sequences, scored, strict=True)])
    with projecting_only(model, (rows, places), ids.shape) as select, _kernels_for_any_length(model):
        return select(model(input_ids=send(ids, model.device), use_cache=False).logits)


def _kernels_for_any_length(model: Any) -> Any:
    """Attention without cuDNN, which plans anew (50 ms on an H100) for every shape of a batch."""
    if model.device.type != "cuda":
        return nullcontext()
    from torch.nn.attention import SDPBackend, sdpa_kernel

    return sdpa_kernel([SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH])


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

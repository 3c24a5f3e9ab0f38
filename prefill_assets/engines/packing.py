"""Several sequences in one row, each blind to the others: nothing is computed for padding."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

from prefill_assets.engines.roomy_cache import remembers_only_keys_and_values

if TYPE_CHECKING:
    import torch

_NAME = "prefill_assets_packed"
"""The name by which `transformers` finds our attention."""

_LARGEST_HEAD = 256
"""Of the kernel for sequences of different lengths."""

_FOREIGN = ("softcap", "s_aux", "position_bias")
"""What some models ask of their attention beside causality; our attention knows none of it."""

_TOLERATED = 0.3
"""Share of a logit's standard deviation: rounding of 16-bit formats stays below; in a trained model, what leaks is far above."""


class CannotPackError(Exception):
    """The model asks its attention for something that ours does not do."""


@dataclass(frozen=True)
class Pack:
    """Ids of all sequences, one after the other (1 x tokens), their positions, and where each begins and the last ends."""

    ids: torch.Tensor
    positions: torch.Tensor
    bounds: tuple[int, ...]
    attended: list[Any] = field(default_factory=list)
    """The attention modules that have looked at it by `attend_packed`."""

    @property
    def longest(self) -> int:
        return max(end - start for start, end in pairwise(self.bounds))


def pack(sequences: Sequence[Sequence[int]]) -> Pack:
    """Sequences (none of them empty) as one row."""
    import torch

    ids = torch.tensor([[token for sequence in sequences for token in sequence]], dtype=torch.long)
    positions = torch.cat([torch.arange(len(sequence)) for sequence in sequences])[None]
    return Pack(ids, positions, tuple(accumulate(map(len, sequences), initial=0)))


def run_packed(model: Any, packed: Pack, attend: Callable[..., Any] | None = None, **told: Any) -> Any:
    """The model's output for a pack, by `attend_packed` or what stands around it, which is `told` something more.

    Raises CannotPackError.
    """
    import torch

    device = model.device
    with attention_by(model, attend or attend_packed):
        return model(
            input_ids=packed.ids.to(device, non_blocking=True),
            position_ids=packed.positions.to(device, non_blocking=True),
            cu_seq_lens_q=torch.tensor(packed.bounds, dtype=torch.int32).to(device, non_blocking=True),
            packed=packed,
            use_cache=False,
            **told,
        )


def can_pack(model: Any) -> bool:
    """Whether sequences in a pack stay blind to each other in this model.

    Every layer must look at other tokens by `attend_packed` alone, and a sequence must get the logits beside another that it gets
    alone. The trial alone would not do: in a model that has hardly learned yet, what leaks is small.
    """
    import torch

    known = model.get_input_embeddings().num_embeddings
    first, second = ([(start + 7 * i) % known for i in range(16)] for start in (3, 5))
    beside = pack([first, second])
    try:
        if not remembers_only_keys_and_values(model):
            return False
        with torch.inference_mode():
            alone = model(input_ids=torch.tensor([second], device=model.device), use_cache=False).logits[0].float()
            together = run_packed(model, beside).logits[0, len(first) :].float()
    except (CannotPackError, TypeError, ValueError, RuntimeError, AttributeError):
        return False
    if len(beside.attended) != model.config.get_text_config().num_hidden_layers:
        return False
    difference = (alone - together).abs().mean(-1).amax()
    return bool(difference <= _TOLERATED * alone.std() or not alone.isfinite().all())


def attend_packed(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    sliding_window: int | None = None,
    *,
    packed: Pack,
    cu_seq_lens_q: torch.Tensor,
    **others: Any,
) -> tuple[torch.Tensor, None]:
    """Causal attention within each sequence of a pack; query, key and value are 1 x heads x tokens x head size.

    Raises CannotPackError.
    """
    import torch
    from torch.nn.functional import scaled_dot_product_attention

    refuse_foreign(others, sliding_window, packed.longest)
    packed.attended.append(module)
    if query.is_cuda and query.dtype in (torch.bfloat16, torch.float16) and query.shape[-1] <= _LARGEST_HEAD:
        from torch.nn.attention.varlen import varlen_attn

        q, k, v = (states[0].transpose(0, 1) for states in (query, key, value))
        bounds = cu_seq_lens_q.to(query.device)
        longest = packed.longest
        attended: Any = varlen_attn(q, k, v, bounds, bounds, longest, longest, scale=scaling, **_varlen_options())
        return attended[None], None
    grouped = query.shape[1] != key.shape[1]
    pieces = []
    for start, end in pairwise(packed.bounds):
        q, k, v = (states[:, :, start:end] for states in (query, key, value))
        pieces.append(scaled_dot_product_attention(q, k, v, is_causal=True, scale=scaling, enable_gqa=grouped))
    return torch.cat(pieces, 2).transpose(1, 2), None


def refuse_foreign(asked: dict[str, Any], sliding_window: int | None, longest: int) -> None:
    """Raise CannotPackError where a layer asks for more than causal attention to all of `longest` tokens."""
    if any(asked.get(name) is not None for name in _FOREIGN) or (sliding_window or longest) < longest:
        raise CannotPackError


@contextmanager
def attention_by(model: Any, attend: Callable[..., Any]) -> Iterator[None]:
    """While it lasts, every attention layer calls this function, and the model prepares no mask."""
    from transformers import AttentionInterface

    AttentionInterface.register(_NAME, attend)
    config = model.config.get_text_config()
    before = config._attn_implementation
    config._attn_implementation = _NAME
    try:
        yield
    finally:
        config._attn_implementation = before


@cache
def _varlen_options() -> dict[str, Any]:
    """Causal, with fewer heads for keys than for queries: torch before 2.12 takes those without being told."""
    from inspect import signature

    from torch.nn.attention.varlen import varlen_attn

    told = {"enable_gqa": True} if "enable_gqa" in signature(varlen_attn).parameters else {}
    return {"window_size": (-1, 0), **told}

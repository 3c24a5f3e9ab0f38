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

TOLERATED = 0.3
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

    sent: dict[Any, torch.Tensor] = field(default_factory=dict)
    """Bounds that are on a device already."""

    @property
    def longest(self) -> int:
        return max(end - start for start, end in pairwise(self.bounds))

    def send_bounds(self, bounds: tuple[int, ...], device: Any) -> torch.Tensor:
        """Bounds as the kernel wants them, sent once for all layers."""
        import torch

        if (bounds, device) not in self.sent:
            self.sent[bounds, device] = send(torch.tensor(bounds, dtype=torch.int32), device)
        return self.sent[bounds, device]


def pack(sequences: Sequence[Sequence[int]]) -> Pack:
    """Sequences (none of them empty) as one row."""
    import torch

    ids = torch.tensor([[token for sequence in sequences for token in sequence]], dtype=torch.long)
    positions = torch.cat([torch.arange(len(sequence)) for sequence in sequences])[None]
    return Pack(ids, positions, tuple(accumulate(map(len, sequences), initial=0)))


def send(tensor: torch.Tensor, device: Any) -> torch.Tensor:
    """A tensor of the host on a device, without waiting for what the device does: from pageable memory it would wait."""
    return (tensor.pin_memory() if device.type == "cuda" else tensor).to(device, non_blocking=True)


def run_packed(model: Any, packed: Pack, attend: Callable[..., Any] | None = None, **told: Any) -> Any:
    """The model's output for a pack, by `attend_packed` or what stands around it, which is `told` something more.

    Raises CannotPackError.
    """
    device = model.device
    with attention_by(model, attend or attend_packed):
        return model(
            input_ids=send(packed.ids, device),
            position_ids=send(packed.positions, device),
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
    return bool(difference <= TOLERATED * alone.std() or not alone.isfinite().all())


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
    **others: Any,
) -> tuple[torch.Tensor, None]:
    """Causal attention within each sequence of a pack; query, key and value are 1 x heads x tokens x head size.

    Raises CannotPackError.
    """
    refuse_foreign(others, sliding_window, packed.longest)
    packed.attended.append(module)
    return attend_within(query, key, value, packed, packed.bounds, scaling), None


def attend_within(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    packed: Pack,
    bounds: tuple[int, ...],
    scaling: float | None,
) -> torch.Tensor:
    """Causal attention (1 x tokens x heads x head size) of the last tokens of each sequence of a pack to all of the sequence.

    `bounds` say where each sequence's queries begin; keys and values are those of the whole pack.
    """
    import torch
    from torch.nn.attention.bias import causal_lower_right
    from torch.nn.functional import scaled_dot_product_attention

    if query.is_cuda and query.dtype in (torch.bfloat16, torch.float16) and query.shape[-1] <= _LARGEST_HEAD:
        from torch.nn.attention.varlen import varlen_attn

        q, k, v = (states[0].transpose(0, 1) for states in (query, key, value))
        q_bounds, k_bounds = (packed.send_bounds(some, query.device) for some in (bounds, packed.bounds))
        longest = max(end - start for start, end in pairwise(bounds))
        attended: Any = varlen_attn(q, k, v, q_bounds, k_bounds, longest, packed.longest, scale=scaling, **_varlen_options())
        return attended[None]
    grouped = query.shape[1] != key.shape[1]
    pieces = []
    for (first, last), (start, end) in zip(pairwise(bounds), pairwise(packed.bounds), strict=True):
        q, k, v = query[:, :, first:last], key[:, :, start:end], value[:, :, start:end]
        mask: Any = None if last - first == end - start else causal_lower_right(last - first, end - start)
        pieces.append(scaled_dot_product_attention(q, k, v, mask, is_causal=mask is None, scale=scaling, enable_gqa=grouped))
    return torch.cat(pieces, 2).transpose(1, 2)


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

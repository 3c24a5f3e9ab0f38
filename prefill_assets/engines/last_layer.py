"""The last layer at the scored positions alone: of others it needs keys and values, and nobody reads what it makes of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from prefill_assets.engines.packing import TOLERATED, Pack, attend_packed, attend_within, pack, refuse_foreign, run_packed, send

if TYPE_CHECKING:
    import torch


class _KeysAndValuesAreThereError(Exception):
    """What the last layer was run for the first time for."""


@dataclass(frozen=True)
class LastLayer:
    """A model's last layer, and the attention in it."""

    layer: Any
    attention: Any


@dataclass
class _Part:
    """The last tokens of each sequence of a pack: those that the last layer is asked for."""

    of: LastLayer
    bounds: tuple[int, ...]
    states: tuple[torch.Tensor, torch.Tensor] | None = None


def run_in_part(model: Any, packed: Pack, last: LastLayer, counts: Sequence[int]) -> Any:
    """The model's logits (positions x vocabulary) at so many last tokens of each sequence of a pack. Raises CannotPackError."""
    import torch

    bounds = tuple(accumulate(counts, initial=0))
    places = torch.cat([torch.arange(end - count, end) for end, count in zip(packed.bounds[1:], counts, strict=True)])
    part = _Part(last, bounds)
    with _only_at(last.layer, places, packed.ids.shape[1]):
        return run_packed(model, packed, _attend_in_part, part=part).logits[0]


def find_last_layer(model: Any) -> LastLayer | None:
    """The last layer of a model that can be packed, or None where a trial shows that it must see every position."""
    import torch

    known = model.get_input_embeddings().num_embeddings
    beside = pack([[(start + 7 * i) % known for i in range(16)] for start in (3, 5)])
    try:
        with torch.inference_mode():
            whole = run_packed(model, beside).logits[0].float()
            attention = beside.attended[-1]
            last = LastLayer(_find_layer(model, attention), attention)
            part = run_in_part(model, beside, last, (5, 9)).float()
    except (TypeError, ValueError, RuntimeError, AttributeError, IndexError, LookupError):
        return None
    expected = torch.cat([whole[11:16], whole[23:32]])
    if part.shape != expected.shape:
        return None
    difference = (part - expected).abs().mean(-1).amax()
    return last if bool(difference <= TOLERATED * expected.std() or not expected.isfinite().all()) else None


def _find_layer(model: Any, attention: Any) -> Any:
    """The member of a list of layers that holds the attention."""
    names = {id(module): name for name, module in model.named_modules()}
    pieces = names[id(attention)].split(".")
    place = max(i for i, piece in enumerate(pieces) if piece.isdigit())
    return model.get_submodule(".".join(pieces[: place + 1]))


@contextmanager
def _only_at(layer: Any, places: torch.Tensor, tokens: int) -> Iterator[None]:
    """While it lasts, the layer runs twice: up to its keys and values with all tokens, and then with those at these places."""
    forward = layer.forward

    def run_twice(hidden: torch.Tensor, *args: Any, **options: Any) -> Any:
        try:
            forward(hidden, *args, **options)
        except _KeysAndValuesAreThereError:
            chosen = send(places, hidden.device)
            fewer = [_choose(given, chosen, tokens) for given in args]
            return forward(hidden[:, chosen], *fewer, **{name: _choose(given, chosen, tokens) for name, given in options.items()})
        raise LookupError("the last layer has no attention of ours")

    layer.forward = run_twice
    try:
        yield
    finally:
        layer.forward = forward


def _choose(given: Any, places: torch.Tensor, tokens: int) -> Any:
    """Of what a layer is given for each token (1 x tokens x ...), that for the tokens at these places."""
    import torch

    if isinstance(given, tuple):
        return tuple(_choose(one, places, tokens) for one in given)
    if torch.is_tensor(given) and given.ndim > 1 and given.shape[:2] == (1, tokens):
        return given[:, places.to(given.device)]
    return given


def _attend_in_part(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    sliding_window: int | None = None,
    *,
    packed: Pack,
    part: _Part,
    **others: Any,
) -> tuple[torch.Tensor, None]:
    if module is not part.of.attention:
        return attend_packed(module, query, key, value, attention_mask, scaling, sliding_window, packed=packed, **others)
    refuse_foreign(others, sliding_window, packed.longest)
    if part.states is None:
        part.states = (key, value)
        raise _KeysAndValuesAreThereError
    return attend_within(query, *part.states, packed, part.bounds, scaling), None

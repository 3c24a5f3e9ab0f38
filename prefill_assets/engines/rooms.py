"""Keys and values of rows that are being continued, in rooms as large as they will get: a written token moves nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from prefill_assets.engines.packing import Pack, attend_packed, pack, refuse_foreign, run_packed, send
from prefill_assets.engines.projection import projecting_only

if TYPE_CHECKING:
    import torch

_ALIGNED = 64
"""Columns come in so many: a GPU's attention takes a mask without copying it where rows of it begin at a round address."""

_STRETCH = 128
"""Columns looked at grow by so many at a time, so that a step has the same shapes for a while."""


@dataclass
class Rooms:
    """For every row and layer, keys and values (rows x heads x columns x head size); a row's tokens begin at column 0."""

    positions: torch.Tensor
    """Where each row's next token goes (rows x 1): its place in the row and its column."""
    columns: int
    most_columns: int
    longest_prompt: int
    layers: dict[Any, tuple[torch.Tensor, torch.Tensor]] = field(default_factory=dict)
    """By attention module."""

    @classmethod
    def make(cls, lengths: Sequence[int], limits: Sequence[int], device: Any) -> Rooms:
        """For rows whose prompts have these lengths, and which get at most so many tokens more.

        On a GPU all columns are taken at once, since the memory was counted; elsewhere as they are needed.
        """
        import torch

        most = _round_up(max(length + limit for length, limit in zip(lengths, limits, strict=True)), _ALIGNED)
        rooms = cls(torch.tensor(lengths, device=device)[:, None], most, most, max(lengths))
        if device.type != "cuda":
            rooms.columns = rooms.count_columns_in_sight(0)
        return rooms

    def count_columns_in_sight(self, step: int) -> int:
        """Columns that rows look at while they get their token number `step`, from 0 on: all that are written, and some more."""
        return min(self.most_columns, _round_up(self.longest_prompt + _round_up(step + 1, _STRETCH), _ALIGNED))

    def grow(self, columns: int) -> None:
        """Have at least so many columns; a layer is moved at a time."""
        if columns <= self.columns:
            return
        self.columns = columns
        for module, rooms in self.layers.items():
            self.layers[module] = (_widen(rooms[0], columns), _widen(rooms[1], columns))

    def put(self, module: Any, key: torch.Tensor, value: torch.Tensor, where: Destination) -> None:
        """Take keys and values (1 x heads x tokens x head size) of a layer over a pack to where they belong."""
        for room, states in zip(self._find(module, key), (key, value), strict=True):
            row, column, token = where.send(states.device)
            room[row, :, column] = states[0].transpose(0, 1)[token]

    def write(self, module: Any, key: torch.Tensor, value: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """A token for each row (rows x heads x 1 x head size), at its position; the layer's rooms."""
        rooms = self._find(module, key)
        places = self.positions.to(key.device)[:, None, :, None].expand_as(key)
        for room, states in zip(rooms, (key, value), strict=True):
            room.scatter_(2, places, states)
        return rooms

    def select(self, rows: torch.Tensor) -> None:
        """Keep these rows alone."""
        self.positions = self.positions[rows]
        for module, (keys, values) in self.layers.items():
            self.layers[module] = (keys[rows.to(keys.device)], values[rows.to(values.device)])

    def _find(self, module: Any, like: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """A layer's rooms, zeros at first: what nobody looks at must still be a number."""
        if module not in self.layers:
            shape = (len(self.positions), like.shape[1], self.columns, like.shape[3])
            self.layers[module] = (like.new_zeros(shape), like.new_zeros(shape))
        return self.layers[module]


@dataclass(frozen=True)
class Destination:
    """Which token of a pack goes to which row and column; a token goes to every row that shares its prompt."""

    rows: torch.Tensor
    columns: torch.Tensor
    tokens: torch.Tensor
    sent: dict[Any, tuple[torch.Tensor, ...]] = field(default_factory=dict)

    def send(self, device: Any) -> tuple[torch.Tensor, ...]:
        """The three on a device, sent once for all layers."""
        if device not in self.sent:
            self.sent[device] = tuple(send(index, device) for index in (self.rows, self.columns, self.tokens))
        return self.sent[device]


def read_prompts(model: Any, rooms: Rooms, prompts: Sequence[Sequence[int]], sources: Sequence[int], tokens: int) -> torch.Tensor:
    """Read distinct prompts, packed into rows of about so many `tokens`, into the rooms of the rows that they are `sources` of.

    Logits after each row's prompt (rows x vocabulary). Raises CannotPackError.
    """
    import torch

    takers: list[list[int]] = [[] for _ in prompts]
    for row, source in enumerate(sources):
        takers[source].append(row)
    pieces = []
    for begin, end in _divide([len(prompt) for prompt in prompts], tokens):
        packed = pack(prompts[begin:end])
        last = torch.tensor(packed.bounds[1:]) - 1
        where = _find_destination(packed, takers[begin:end])
        with projecting_only(model, (torch.zeros_like(last), last), packed.ids.shape) as select:
            pieces.append(select(run_packed(model, packed, _attend_and_put, rooms=rooms, where=where).logits))
    return torch.cat(pieces)[torch.tensor(sources, device=pieces[0].device)]


def attend_written(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    sliding_window: int | None = None,
    *,
    rooms: Rooms,
    unwritten: torch.Tensor,
    **others: Any,
) -> tuple[torch.Tensor, None]:
    """Attention of one new token a row (query: rows x heads x 1 x head size) to the row's tokens, and the token written.

    Query heads that share a head of keys stand as several queries of that head: keys and values are not repeated for them.
    Raises CannotPackError.
    """
    from torch.nn.functional import scaled_dot_product_attention

    in_sight = unwritten.shape[-1]
    refuse_foreign(others, sliding_window, in_sight)
    keys, values = (room[:, :, :in_sight] for room in rooms.write(module, key, value))
    rows, heads, _, size = query.shape
    grouped = query.reshape(rows, key.shape[1], heads // key.shape[1], size)
    mask = unwritten.to(query.device, query.dtype)
    attended = scaled_dot_product_attention(grouped, keys, values, attn_mask=mask, scale=scaling)
    return attended.reshape(rows, 1, heads, attended.shape[-1]), None


def mask_unwritten(rooms: Rooms, in_sight: int, dtype: Any) -> torch.Tensor:
    """What is added to a row's scores (rows x 1 x 1 x columns in sight): 0 up to its position, else minus infinity."""
    import torch

    unwritten = torch.arange(in_sight, device=rooms.positions.device) > rooms.positions
    mask = torch.zeros(unwritten.shape, dtype=dtype, device=unwritten.device)
    return mask.masked_fill_(unwritten, float("-inf"))[:, None, None]


def _attend_and_put(
    module: Any, query: Any, key: Any, value: Any, *given: Any, rooms: Rooms, where: Destination, **others: Any
) -> tuple[torch.Tensor, None]:
    rooms.put(module, key, value, where)
    return attend_packed(module, query, key, value, *given, **others)


def _find_destination(packed: Pack, takers: Sequence[Sequence[int]]) -> Destination:
    import torch

    rows, columns, tokens = [], [], []
    for (start, end), rows_of_prompt in zip(pairwise(packed.bounds), takers, strict=True):
        for row in rows_of_prompt:
            rows.append(torch.full((end - start,), row))
            columns.append(torch.arange(end - start))
            tokens.append(torch.arange(start, end))
    return Destination(torch.cat(rows), torch.cat(columns), torch.cat(tokens))


def _divide(lengths: Sequence[int], most: int) -> list[tuple[int, int]]:
    """Begin and end of runs of at most so many tokens together, and at least one sequence."""
    bounds, used = [0], 0
    for i, length in enumerate(lengths):
        if used and used + length > most:
            bounds.append(i)
            used = 0
        used += length
    return list(pairwise([*bounds, len(lengths)]))


def _widen(room: torch.Tensor, columns: int) -> torch.Tensor:
    wider = room.new_zeros(*room.shape[:2], columns, room.shape[3])
    wider[:, :, : room.shape[2]] = room
    return wider


def _round_up(number: int, step: int) -> int:
    return -(-number // step) * step

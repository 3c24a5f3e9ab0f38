"""Keys and values of a batch, with room to grow: writing a token copies that token, and not everything before it."""

from __future__ import annotations

from functools import cache
from typing import Any

_ROOM_TOKENS = 128
"""Taken at once when a layer is full: a copy of everything, this often."""


def make_cache(model: Any) -> Any:
    """The cache that `transformers` has for such a model, its plain layers with room.

    None where layers remember something else than keys and values: rows of such a cache cannot be picked.
    """
    from transformers.cache_utils import DynamicCache, DynamicLayer

    if not remembers_only_keys_and_values(model):
        return None
    made = DynamicCache(config=model.config)
    made.layers = [_define_layer()() if type(layer) is DynamicLayer else layer for layer in made.layers]
    return made


def remembers_only_keys_and_values(model: Any) -> bool:
    """False for models with recurrent or convolutional layers, alone or beside attention."""
    from transformers.cache_utils import DynamicCache, DynamicLayer, LinearAttentionCacheLayerMixin

    layers = DynamicCache(config=model.config).layers
    return all(isinstance(layer, DynamicLayer) and not isinstance(layer, LinearAttentionCacheLayerMixin) for layer in layers)


@cache
def _define_layer() -> Any:
    from transformers.cache_utils import DynamicLayer

    class RoomyLayer(DynamicLayer):
        """A layer whose keys and values are the beginnings of larger tensors (rows x heads x room x head size)."""

        _room: tuple[Any, Any] | None = None

        def update(self, key_states: Any, value_states: Any, *_: Any, **__: Any) -> tuple[Any, Any]:
            if not self.is_initialized:
                self.lazy_initialization(key_states, value_states)
            used = self.get_seq_length()
            end = used + key_states.shape[-2]
            if self._room is None or self._room[0].shape[-2] < end:
                self._room = (_widen(self.keys, key_states, used, end), _widen(self.values, value_states, used, end))
            for room, states in zip(self._room, (key_states, value_states), strict=True):
                room[:, :, used:end] = states
            self.keys, self.values = (room[:, :, :end] for room in self._room)
            return self.keys, self.values

        def batch_select_indices(self, indices: Any) -> None:
            super().batch_select_indices(indices)
            self._room = None

    return RoomyLayer


def _widen(before: Any, states: Any, used: int, end: int) -> Any:
    """A tensor for `end` tokens and some more, that begins with those there are; exactly `end` for a prompt."""
    rows, heads, _, size = states.shape
    room = states.new_empty(rows, heads, end + (_ROOM_TOKENS if used else 0), size)
    if used:
        room[:, :, :used] = before
    return room

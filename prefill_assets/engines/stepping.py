"""The next token's logits for rows that are being continued, step by step; on a GPU a step is recorded and played again.

A step of a model with 32 layers is some 700 kernels. A host takes longer to launch them than the GPU to run them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from prefill_assets.engines.packing import attention_by
from prefill_assets.engines.rooms import Rooms, attend_written, mask_unwritten

if TYPE_CHECKING:
    import torch

_RECORDABLE: WeakKeyDictionary[Any, bool] = WeakKeyDictionary()
"""By model: whether a step of it waits nowhere for the GPU. A recording that fails spoils the GPU's random numbers."""


class Stepper:
    """Runs steps of one batch. The first step of a shape runs as it is, which readies its kernels; a later one is recorded."""

    def __init__(self, model: Any, rooms: Rooms):
        self.model, self.rooms = model, rooms
        self._ids: Any = None
        self._shape: tuple[int, int] | None = None
        self._graph: Any = None
        self._logits: Any = None
        devices = {weight.device for weight in model.parameters()}
        self._on_one_gpu = len(devices) == 1 and devices.pop().type == "cuda"

    def advance(self, tokens: torch.Tensor, step: int) -> torch.Tensor:
        """Logits (rows x vocabulary) after these tokens (one a row), each at its row's position. Raises CannotPackError.

        They are overwritten by the next step.
        """
        in_sight = self.rooms.count_columns_in_sight(step)
        if self._shape != (len(tokens), in_sight):
            self._graph = self._logits = None
            self.rooms.grow(in_sight)
            self._ids, self._shape = tokens[:, None].clone(), (len(tokens), in_sight)
            return self._run(in_sight)
        self._ids.copy_(tokens[:, None])
        if not self._on_one_gpu:
            return self._run(in_sight)
        if self.model not in _RECORDABLE:
            return self._run_watched(in_sight)
        if self._graph is None and _RECORDABLE[self.model]:
            self._record(in_sight)
        if self._graph is None:
            return self._run(in_sight)
        self._graph.replay()
        return self._logits

    def _run_watched(self, in_sight: int) -> torch.Tensor:
        """A step in which waiting for the GPU is an error, as in a recording; if it is one, the step once more, as it is."""
        import torch

        before = torch.cuda.get_sync_debug_mode()
        torch.cuda.set_sync_debug_mode("error")
        try:
            logits = self._run(in_sight)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError:
            logits = None
        finally:
            torch.cuda.set_sync_debug_mode(before)
        _RECORDABLE[self.model] = logits is not None
        return self._run(in_sight) if logits is None else logits

    def _record(self, in_sight: int) -> None:
        import torch

        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph, capture_error_mode="thread_local"):
                self._logits = self._run(in_sight)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError:
            _RECORDABLE[self.model] = False
            return
        self._graph = graph

    def _run(self, in_sight: int) -> torch.Tensor:
        rooms = self.rooms
        mask = mask_unwritten(rooms, in_sight, self.model.dtype)
        with attention_by(self.model, attend_written):
            out = self.model(input_ids=self._ids, position_ids=rooms.positions, use_cache=False, rooms=rooms, unwritten=mask)
        return out.logits[:, -1]

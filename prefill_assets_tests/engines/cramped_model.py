"""A model on a device with little memory."""

from __future__ import annotations

from typing import Any


class CrampedModel:
    """A real model that runs out of memory above `rows` rows."""

    def __init__(self, model: Any, rows: int):
        self.model, self.rows, self.largest_batch = model, rows, 0

    def eval(self) -> CrampedModel:
        return self

    def __call__(self, input_ids: Any, **options: Any) -> Any:
        import torch

        if len(input_ids) > self.rows:
            raise torch.OutOfMemoryError("CUDA out of memory (simulated)")
        self.largest_batch = max(self.largest_batch, len(input_ids))
        return self.model(input_ids=input_ids, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)

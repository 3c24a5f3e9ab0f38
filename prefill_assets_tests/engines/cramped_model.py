"""A model on a device with little memory."""

from __future__ import annotations

from typing import Any


class CrampedModel:
    """A real model that runs out of memory above `rows` sequences, in rows of their own or packed into one."""

    def __init__(self, model: Any, rows: int):
        self.model, self.rows, self.largest_batch = model, rows, 0

    def eval(self) -> CrampedModel:
        return self

    def __call__(self, input_ids: Any, **options: Any) -> Any:
        import torch

        if (sequences := count_sequences(input_ids, options)) > self.rows:
            raise torch.OutOfMemoryError("CUDA out of memory (simulated)")
        self.largest_batch = max(self.largest_batch, sequences)
        return self.model(input_ids=input_ids, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)


def count_sequences(input_ids: Any, options: dict[str, Any]) -> int:
    return len(options["packed"].bounds) - 1 if "packed" in options else len(input_ids)

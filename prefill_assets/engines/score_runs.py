"""Batches of scores as one model runs them best: packed where it can be, and in a finer number format while that holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property, partial
from typing import Any

from prefill_assets.engines.abilities import find_abilities
from prefill_assets.engines.finer_format import in_finer_format
from prefill_assets.engines.packing import CannotPackError
from prefill_assets.engines.protocol import Score, ScoreRequest
from prefill_assets.engines.scoring import launch_scores

_REFINING_DEVICES = ("cuda",)
"""Where float16 is as fast as bfloat16. On a CPU it is slow, and float32 is there to be asked for."""


class ScoreRuns:
    """Launches batches of one model, and gives up what turns out not to serve: packing, or float16 in place of bfloat16."""

    def __init__(self, model: Any):
        self.model = model
        self.refines = model.device.type in _REFINING_DEVICES
        self._finer = ExitStack()

    @cached_property
    def packs(self) -> bool:
        """Whether several sequences run in one row; else in padded rows."""
        return find_abilities(self.model).packs

    @contextmanager
    def begun(self) -> Iterator[None]:
        """Batches are launched while it lasts. Weights may be in the finer format, until somebody calls `end`."""
        self.end()
        find_abilities(self.model)  # its trials are made in the model's own format
        self.refines = self.refines and self._finer.enter_context(in_finer_format(self.model))
        try:
            yield
        finally:
            self.end()

    def end(self) -> None:
        """Weights in their own format, for whoever wants them next: a score's reader may have gone away."""
        self._finer.close()

    def launch(self, batch: Sequence[ScoreRequest]) -> Callable[[], list[Score]]:
        """Begin a batch; the returned function waits for its scores. What fails or overflows in float16 is run again."""
        import torch

        try:
            read = self._launch_as_it_is(batch)
        except (RuntimeError, TypeError, ValueError) as error:
            if isinstance(error, torch.OutOfMemoryError) or not self.refines:
                raise
            return self._go_on_coarsely(batch)  # some models do arithmetic in bfloat16 whatever their weights are
        return partial(self._read_or_repeat, batch, read) if self.refines else read

    def _read_or_repeat(self, batch: Sequence[ScoreRequest], read: Callable[[], list[Score]]) -> list[Score]:
        scores = read()
        overflowed = any(score.sums is None for score in scores)
        return self._go_on_coarsely(batch)() if overflowed else scores

    def _go_on_coarsely(self, batch: Sequence[ScoreRequest]) -> Callable[[], list[Score]]:
        self.refines = False
        self.end()
        return self._launch_as_it_is(batch)

    def _launch_as_it_is(self, batch: Sequence[ScoreRequest]) -> Callable[[], list[Score]]:
        try:
            return launch_scores(self.model, batch, packed=self.packs, last=find_abilities(self.model).last)
        except CannotPackError:
            self.packs = False
            return launch_scores(self.model, batch, packed=False)

"""Checkpoints one after the other in this process, by `transformers`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefill_assets.engines.loaded_model import explained, load_whole
from prefill_assets.engines.lora import AdaptedModel, require_peft
from prefill_assets.engines.overwriting import overwrite_weights, read_architecture
from prefill_assets.engines.page_warming import PageWarmer
from prefill_assets.engines.tokenization import load_tokenizer
from prefill_assets.engines.transformers_engine import TransformersEngine
from prefill_assets.errors import InputError
from prefill_assets.sources.adapter import is_adapter, read_adapter
from prefill_assets.sources.checkpoint import fingerprint_checkpoint, list_checkpoints, list_weight_files
from prefill_assets.sources.settings import Settings

ROWS_BY_DEVICE, ROWS_ELSEWHERE = {"cuda": 512}, 64
"""Rows that generate together where the settings do not say."""


class TransformersHost:
    """One model in memory: full checkpoints of one architecture overwrite it, adapters of one base are swapped over it.

    A checkpoint that is opened again unchanged is not read again. While one computes, the next one's files are read ahead.
    """

    def __init__(self, settings: Settings):
        self.settings = settings
        self.starts = self.loads = 0
        self._opened: tuple[tuple[Path, str], TransformersEngine] | None = None
        self._whole: tuple[dict[str, Any], Any] | None = None
        self._adapted: tuple[tuple[str, str | None], AdaptedModel] | None = None
        self._warmer: PageWarmer | None = None

    def open(self, checkpoint: Path) -> TransformersEngine:
        wanted = (checkpoint, fingerprint_checkpoint(checkpoint))
        if self._opened is not None and self._opened[0] == wanted:
            return self._opened[1]
        self._end_engine()
        tokenizer = load_tokenizer(checkpoint)
        try:
            with explained(checkpoint):
                model = self._adapt(checkpoint) if is_adapter(checkpoint) else self._fill(checkpoint)
        except BaseException:
            self.close()
            raise
        self.loads += 1
        rows = self.settings.batch_size or ROWS_BY_DEVICE.get(model.device.type, ROWS_ELSEWHERE)
        engine = TransformersEngine(model, tokenizer, rows)
        self._opened = (wanted, engine)
        self._warmer = self._read_ahead(checkpoint)
        return engine

    def close(self) -> None:
        self._end_engine()
        if self._whole is not None or self._adapted is not None:
            self._whole = self._adapted = None
            _free_memory()

    def _end_engine(self) -> None:
        if self._warmer is not None:
            self._warmer.stop()
            self._warmer = None
        if self._opened is not None:
            self._opened[1].close()
            self._opened = None

    def _fill(self, checkpoint: Path) -> Any:
        """A model with a full checkpoint's weights: the one in memory, where it has the same architecture."""
        architecture = read_architecture(checkpoint)
        if self._whole is not None and self._whole[0] == architecture and overwrite_weights(self._whole[1], checkpoint):
            return self._whole[1]
        self.close()
        self._whole = (architecture, load_whole(checkpoint, self.settings.dtype, self.settings.device))
        self.starts += 1
        return self._whole[1]

    def _adapt(self, checkpoint: Path) -> Any:
        """An adapter's base with the adapter over it: the base in memory, where it is the same."""
        require_peft(checkpoint)
        adapter = read_adapter(checkpoint)
        folder = adapter.base_folder
        base = (adapter.base, fingerprint_checkpoint(folder) if folder else None)
        if self._adapted is None or self._adapted[0] != base:
            self.close()
            whole = load_whole(folder or adapter.base, self.settings.dtype, self.settings.device)
            self._adapted = (base, AdaptedModel(whole))
            self.starts += 1
        self._adapted[1].swap(checkpoint)
        return self._adapted[1].model

    def _read_ahead(self, checkpoint: Path) -> PageWarmer | None:
        """Begin to read the checkpoint that a sweep opens after this one."""
        try:
            steps = {path: step for step, path in list_checkpoints(checkpoint.parent).items()}
            following = [
                (step, path)
                for path, step in steps.items()
                if step > steps[checkpoint] and step in (self.settings.checkpoints or steps.values())
            ]
            return PageWarmer(list_weight_files(min(following)[1])) if following else None
        except (InputError, KeyError, OSError):
            return None  # whoever opens it says what is wrong with it


def _free_memory() -> None:
    import gc

    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()

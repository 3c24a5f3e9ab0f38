"""One checkpoint's cells: samples and logprobs while its weights are there, verdicts when they may go."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from prefill_assets.assets.materialization import Materializer
from prefill_assets.engines.protocol import Engine
from prefill_assets.errors import InputError
from prefill_assets.sources.record_fields import RecordKind
from prefill_assets.stages.dependencies import Dependencies
from prefill_assets.stages.progress import track
from prefill_assets.verification.protocol import Verifier
from prefill_assets.warehouse.partition import PartitionKey, Stamp

Cells = Mapping[PartitionKey, Stamp]
Rows = list[dict[str, Any]]
T = TypeVar("T")


class CheckpointEvaluation:
    """Makes the requested partitions of eval_samples, prefill_logprobs and eval_results of one checkpoint."""

    def __init__(self, materializer: Materializer, dependencies: Dependencies, requested: Mapping[str, list[PartitionKey]]):
        self._materializer, self._platform = materializer, materializer.platform
        self._dependencies, self._inputs, self._experiment = dependencies, dependencies.inputs, dependencies.experiment
        self._settings = self._experiment.settings
        self._requested = requested
        self._step = next(key.step for keys in requested.values() for key in keys)

    def make(self) -> None:
        """Whatever fails is noted and leaves its partition as it was; the rest is made."""
        with self._platform.take_engine_turn() if self._needs_engine() else nullcontext():
            self._make_table("eval_samples", self._make_samples)
            self._make_table("prefill_logprobs", self._make_logprobs)
        self._make_table("eval_results", self._make_results)

    def _needs_engine(self) -> bool:
        came = {"eval_samples": self._experiment.eval_files, "prefill_logprobs": self._inputs.logprob_files}
        return any(key.cell not in came[table] for table, keys in self._requested.items() if table in came for key in keys)

    def _make_table(self, table: str, make: Callable[[Cells], None]) -> None:
        keys = self._requested.get(table, [])
        if not keys:
            return
        try:
            self._materializer.look_upstream(self._dependencies, table, keys)
            if due := self._materializer.list_due(self._dependencies, table, keys):
                make(due)
        except Exception as error:
            self._materializer.note_failure(error, table, keys)

    def _make_samples(self, due: Cells) -> None:
        from prefill_assets.sources.record_fields import SAMPLE_RECORDS

        files = {key: file for key in due if (file := self._inputs.samples_file(*key.cell)) is not None}
        self._store_files(SAMPLE_RECORDS, files, due)
        generated = [key for key in due if key not in files]
        if generated and self._try("eval_samples", generated, self._open_engine) is not None:
            for key in generated:
                self._replace("eval_samples", key, due, self._generate, key)

    def _make_logprobs(self, due: Cells) -> None:
        from prefill_assets.sources.record_fields import LOGPROB_RECORDS

        files = {key: self._inputs.logprob_files[key.cell] for key in due if key.cell in self._inputs.logprob_files}
        self._store_files(LOGPROB_RECORDS, files, due)
        began = time.monotonic()
        samples = self._collect_samples([key for key in due if key not in files])
        rows = (self._try("prefill_logprobs", samples, self._score, samples) if samples else None) or {}
        seconds = (time.monotonic() - began) / max(1, len(samples))
        for key in rows:
            self._replace("prefill_logprobs", key, due, rows.__getitem__, key, seconds=seconds)

    def _make_results(self, due: Cells) -> None:
        from prefill_assets.sources.record_fields import RESULT_RECORDS

        files = {key: self._experiment.eval_files[key.cell] for key in due if self._dependencies.keeps_verdicts(key)}
        self._store_files(RESULT_RECORDS, files, due)
        for key in due:
            if key not in files:
                self._replace("eval_results", key, due, self._judge, key)

    def _store_files(self, kind: RecordKind, files: Mapping[PartitionKey, Path], due: Cells) -> None:
        """Partitions from the files that an imported run came with."""
        from prefill_assets.sources.record_batches import read_cells

        keys = {key.cell: key for key in files}
        for cell, read in read_cells(kind, {key.cell: file for key, file in files.items()}, self._experiment.name):
            self._replace(kind.table_name, keys[cell], due, read)

    def _replace(
        self, table: str, key: PartitionKey, due: Cells, make_rows: Callable[..., Any], *arguments: Any, seconds: float = 0.0
    ) -> None:
        began = time.monotonic()
        try:
            rows = make_rows(*arguments)
            self._materializer.replace(table, key, rows, due[key], seconds + time.monotonic() - began)
        except Exception as error:
            self._materializer.note_failure(error, table, [key])

    def _try(self, table: str, keys: Iterable[PartitionKey], do: Callable[..., T], *arguments: Any) -> T | None:
        """What it returns; where it fails, None, and these partitions stay as they were."""
        try:
            return do(*arguments)
        except Exception as error:
            self._materializer.note_failure(error, table, keys)
            return None

    @cached_property
    def _checkpoint(self) -> Path:
        return self._inputs.checkpoint_path(self._step)

    @cached_property
    def _verifier(self) -> Verifier:
        return self._platform.load_verifier(self._experiment)

    def _open_engine(self) -> Engine:
        return self._platform.open_engine(self._checkpoint, self._settings)

    def _generate(self, key: PartitionKey) -> Rows:
        from prefill_assets.engines.tokenization import find_dialect, load_tokenizer
        from prefill_assets.stages.generation import generate_samples

        rows = generate_samples(
            key.experiment,
            *key.cell,
            tasks=self._inputs.tasks,
            settings=self._settings,
            engine=self._open_engine(),
            tokenizer=load_tokenizer(self._checkpoint),
            dialect=find_dialect(self._checkpoint, self._settings),
        )
        return list(track(rows, f"generating {key}", len(self._inputs.tasks) * self._settings.num_attempts))

    def _judge(self, key: PartitionKey) -> Rows:
        from prefill_assets.stages.judging import SAMPLE_COLUMNS, judge_samples

        samples = self._read_samples(key, SAMPLE_COLUMNS)
        return list(track(judge_samples(samples, self._inputs.problems, self._verifier), f"verifying {key}", len(samples)))

    def _collect_samples(self, keys: list[PartitionKey]) -> dict[PartitionKey, Rows]:
        """What is to be scored: samples of this checkpoint, or of the nearest that has some. A level without any fails alone."""
        from prefill_assets.stages.prefill_scoring import PREFILL_COLUMNS

        found: dict[PartitionKey, Rows] = {}
        for key in keys:
            source = self._dependencies.find_samples_checkpoint(*key.cell)
            own = PartitionKey(self._experiment.name, source, key.prefill_level)
            samples = self._try("prefill_logprobs", [key], self._read_samples, own, PREFILL_COLUMNS)
            if samples is not None:
                found[key] = [{**sample, "samples_checkpoint": source} for sample in samples]
        return found

    def _score(self, by_key: Mapping[PartitionKey, Rows]) -> dict[PartitionKey, Rows]:
        """Rows of several levels, by one pass over all of them."""
        from prefill_assets.engines.tokenization import find_dialect, load_tokenizer
        from prefill_assets.stages.prefill_scoring import list_texts, score_empty_prefills, score_texts

        experiment, step, settings = self._experiment.name, self._step, self._settings
        samples = [sample for samples in by_key.values() for sample in samples]
        texts = list_texts(samples, use_reasoning_field=settings.use_reasoning_field, max_samples=settings.max_samples)
        done = list(score_empty_prefills(experiment, step, [text for text in texts if not text.text]))
        if written := [text for text in texts if text.text]:
            scored = score_texts(
                experiment,
                step,
                written,
                engine=self._open_engine(),
                tokenizer=load_tokenizer(self._checkpoint),
                dialect=find_dialect(self._checkpoint, settings),
                dtype=settings.dtype,
            )
            done += track(scored, f"scoring {experiment} checkpoint-{step}", len(written))
        rows: dict[PartitionKey, Rows] = defaultdict(list, {key: [] for key in by_key})
        for row in done:
            rows[PartitionKey(experiment, step, row["prefill_level"])].append(row)
        return rows

    def _read_samples(self, key: PartitionKey, columns: tuple[str, ...]) -> Rows:
        samples = self._platform.warehouse.read_rows("eval_samples", key, columns)
        if not samples:
            raise InputError(f"eval_samples {key} is missing", remedy="materialize eval_samples first")
        return samples

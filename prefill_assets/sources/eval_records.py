"""Verdicts and samples of one cell of a run, as its files hold them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from prefill_assets.sources.record_fields import RESULT_RECORDS, SAMPLE_RECORDS
from prefill_assets.sources.record_rows import read_rows

if TYPE_CHECKING:
    import duckdb


def read_eval_results(path: Path | str, experiment: str, checkpoint: int, level: int) -> duckdb.DuckDBPyRelation:
    """`checkpoint-N_prefillL.jsonl` as rows of `eval_results`.

    Checkpoint and level are the file name's; the record's `prefill_tokens` is `prefill_words`. An error row keeps its error, and
    verdicts that it does not state are NULL. Raises InputError with file and line, see `read_rows`.
    """
    return read_rows(RESULT_RECORDS, {(checkpoint, level): Path(path)}, experiment)


def read_eval_samples(path: Path | str | None, experiment: str, checkpoint: int, level: int) -> duckdb.DuckDBPyRelation:
    """`checkpoint-N_prefillL.jsonl.samples.jsonl` as rows of `eval_samples`; the verdicts that samples repeat go to `extra`.

    A run that kept no samples has no file: None gives no rows. Raises InputError with file and line, see `read_rows`.
    """
    return read_rows(SAMPLE_RECORDS, {} if path is None else {(checkpoint, level): Path(path)}, experiment)

"""Scored prefills of one cell of a run, as its files hold them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from prefill_assets.sources.record_fields import LOGPROB_RECORDS
from prefill_assets.sources.record_rows import read_rows

if TYPE_CHECKING:
    import duckdb


def read_prefill_logprobs(path: Path | str, experiment: str, checkpoint: int, level: int) -> duckdb.DuckDBPyRelation:
    """`checkpoint-N_prefillL.jsonl` of a logprob folder as rows of `prefill_logprobs`, one an attempt.

    `prefill_logprob_sum` is a sum in nats, 0 over 0 tokens for the empty prefill. A sum of -Infinity or NaN is NULL with an error
    text ("unscorable: ..." where the record has none of its own); the original number stays in `extra`. Raises InputError with
    file and line, see `read_rows`.
    """
    return read_rows(LOGPROB_RECORDS, {(checkpoint, level): Path(path)}, experiment)

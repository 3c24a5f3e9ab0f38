from __future__ import annotations

import json
from pathlib import Path

import pytest

from prefill_assets.errors import InputError
from prefill_assets.sources import record_batches
from prefill_assets.sources.record_batches import read_cells
from prefill_assets.sources.record_fields import LOGPROB_RECORDS, RESULT_RECORDS
from prefill_assets.sources.record_rows import read_rows


def write_cells(folder: Path, cells: list[tuple[int, int]]) -> dict[tuple[int, int], Path]:
    """A file a cell, the later ones longer, with a field of its own."""
    paths = {}
    for number, cell in enumerate(cells, 1):
        records = [
            {"task_id": f"t{i}", "exploit_type": "k", "attempt_idx": 0, "exploit_success": i % 2 == 0, f"only_{number}": [i]}
            for i in range(number)
        ]
        paths[cell] = folder / f"checkpoint-{cell[0]}_prefill{cell[1]}.jsonl"
        paths[cell].write_text("".join(json.dumps(record) + "\n" for record in records))
    return paths


CELLS = [(1, 0), (1, 10), (1, 30), (10, 0), (10, 10)]


@pytest.mark.parametrize("batch_bytes", [1, 400, 1 << 20])
def test_each_cell_has_the_rows_of_its_own_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch_bytes: int) -> None:
    monkeypatch.setattr(record_batches, "BATCH_BYTES", batch_bytes)
    paths = write_cells(tmp_path, CELLS)

    found = [(cell, read().rows) for cell, read in read_cells(RESULT_RECORDS, paths, "run")]

    assert [cell for cell, _ in found] == CELLS
    for cell, rows in found:
        alone = read_rows(RESULT_RECORDS, {cell: paths[cell]}, "run").to_arrow_table()
        assert rows.column_names == alone.column_names
        assert sorted(map(str, rows.to_pylist())) == sorted(map(str, alone.to_pylist()))
        assert rows.num_rows == CELLS.index(cell) + 1


@pytest.mark.parametrize("batch_bytes", [1, 1 << 20])
def test_a_fault_is_its_own_files_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch_bytes: int) -> None:
    monkeypatch.setattr(record_batches, "BATCH_BYTES", batch_bytes)
    paths = write_cells(tmp_path, CELLS)
    paths[1, 30].write_text('{"task_id": "t"\n')
    paths[10, 0].unlink()

    outcomes = {}
    for cell, read in read_cells(RESULT_RECORDS, paths, "run"):
        try:
            outcomes[cell] = read().rows.num_rows
        except InputError as error:
            outcomes[cell] = str(error)

    assert [outcomes[cell] for cell in ((1, 0), (1, 10), (10, 10))] == [1, 2, 5]
    assert "checkpoint-1_prefill30.jsonl" in outcomes[1, 30]
    assert "there is no such file" in outcomes[10, 0]


def test_no_files_are_no_cells() -> None:
    assert list(read_cells(LOGPROB_RECORDS, {}, "run")) == []

"""What parsers of JSON lines take for a run's files, nothing checked, kept or stored, beside our reading: the floor of an import.

    python -m benchmarks.parsing --checkpoints 10          # a quarter of the full size: half a minute on two cores

Columns that we keep as JSON are read as JSON by DuckDB, and as what they are by Arrow, which knows no other way.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.machine import describe_cores
from benchmarks.synthetic_run import EXPERIMENT, RunSize, write_run

if TYPE_CHECKING:
    from prefill_assets.sources.record_fields import RecordKind

TYPES = {"str": "VARCHAR", "int": "INTEGER", "float": "DOUBLE", "bool": "BOOLEAN"}
Files = dict[tuple[int, int], Path]


class Parsers:
    """Ways to read all files of a run; each returns how many records there were."""

    def __init__(self, results: Path):
        from prefill_assets.sources.record_fields import LOGPROB_RECORDS, RESULT_RECORDS
        from prefill_assets.sources.run_folder import RunFolder, find_logprob_files

        run_dir = results / "prefill_sensitivity" / EXPERIMENT
        verdicts = {cell: files.results for cell, files in RunFolder(run_dir).cells.items() if files.results}
        self.files: list[tuple[RecordKind, Files]] = [
            (RESULT_RECORDS, verdicts),
            (LOGPROB_RECORDS, find_logprob_files(run_dir)),
        ]
        self.columns = [_list_columns(next(iter(files.values()))) for _, files in self.files]

    def parse_with_json(self) -> int:
        """`json.loads` of each line."""
        count = 0
        for _, files in self.files:
            for path in files.values():
                with path.open() as lines:
                    count += sum(1 for _ in map(json.loads, lines))
        return count

    def parse_with_duckdb(self) -> int:
        """DuckDB's `read_json`, all columns of known types, to Arrow."""
        import duckdb

        count = 0
        for (_, files), columns in zip(self.files, self.columns, strict=True):
            types = {name: TYPES.get(type(value).__name__, "JSON") for name, value in columns.items()}
            query = f"FROM read_json({[str(path) for path in files.values()]}, columns = {types}, format = 'newline_delimited')"
            with duckdb.connect() as connection:
                count += connection.sql(query).to_arrow_table().num_rows
        return count

    def parse_with_arrow(self) -> int:
        """`pyarrow.json`, a file at a time, which says so where a field is not known."""
        import pyarrow
        from pyarrow import json as arrow_json

        count = 0
        for (_, files), columns in zip(self.files, self.columns, strict=True):
            fields = {
                name: pyarrow.list_(pyarrow.string()) if value == [] else pyarrow.scalar(value).type
                for name, value in columns.items()
            }
            known = arrow_json.ParseOptions(pyarrow.schema(fields), unexpected_field_behavior="error")
            whole = arrow_json.ReadOptions(block_size=64 << 20)
            count += sum(arrow_json.read_json(path, whole, known).num_rows for path in files.values())
        return count

    def read_records(self) -> int:
        """Our rows, checked and versioned, ready to store."""
        from prefill_assets.sources.record_batches import read_cells

        return sum(read().rows.num_rows for kind, files in self.files for _, read in read_cells(kind, files, EXPERIMENT))


def _list_columns(path: Path) -> dict[str, Any]:
    """Every field of a file's records, with a value that is not null where there is one."""
    columns: dict[str, Any] = {}
    for line in path.read_text().splitlines():
        columns |= {name: value for name, value in json.loads(line).items() if columns.get(name) is None}
    return columns


def measure(parse: Callable[[], int]) -> tuple[float, float, int]:
    """CPU seconds of all threads, seconds of wall time, and the answer."""
    wall, cpu = time.perf_counter(), time.process_time()
    count = parse()
    return time.process_time() - cpu, time.perf_counter() - wall, count


def main(arguments: Sequence[str] | None = None) -> dict[str, list[tuple[float, float, int]]]:
    """Measure in turns, print a table and return its values."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    for name, default in RunSize().__dict__.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args(arguments)
    size = RunSize(options.problems, options.checkpoints, options.levels, options.attempts)
    with tempfile.TemporaryDirectory() as folder:
        write_run(size, Path(folder))
        parsers = Parsers(Path(folder))
        ways = [parsers.parse_with_json, parsers.parse_with_duckdb, parsers.parse_with_arrow, parsers.read_records]
        found: dict[str, list[tuple[float, float, int]]] = {str(way.__doc__): [] for way in ways}
        for number in range(options.rounds + 1):
            for way in ways:
                measured = measure(way)
                if number:  # the first round imports libraries and fills the file cache
                    found[str(way.__doc__)].append(measured)
    print(f"{describe_cores()}\n\n| what | CPU seconds | wall seconds | records |\n|---|---|---|---|")
    for what, rounds in found.items():
        cpu, wall, counts = zip(*rounds, strict=True)
        print(f"| {what} | {statistics.median(cpu):.2f} | {statistics.median(wall):.2f} | {counts[0]:,} |")
    return found


if __name__ == "__main__":
    main()

"""Writing a Parquet file that takes another's place while readers are at work on that one.

DuckDB reads a file's footer, and opens the file again by its path for the rows. Where the file was replaced in between it would
look for the old footer's rows in the new file. So the new file begins with the bytes of the old one: what the old footer points
at is there, unchanged, and the rows of the new footer come after it.
"""

from __future__ import annotations

import io
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb
    import pyarrow
    from pyarrow.parquet import FileMetaData

MAGIC = b"PAR1"
LONGEST_QUERY_SECONDS = 3600.0
"""What was replaced longer ago than this has no reader any more, and its bytes become a hole in the next file."""


def write_successor(
    rows: duckdb.DuckDBPyRelation | pyarrow.Table, metadata: Mapping[str, str], draft: Path, replaced: Path
) -> None:
    """Write rows and metadata to `draft`, which is to be renamed to `replaced`, if there is such a file. Raises OSError."""
    import pyarrow
    from pyarrow.parquet import ParquetWriter

    table = rows if isinstance(rows, pyarrow.Table) else _read_arrow(rows)
    with (
        _SparseFile(draft, "w") as file,
        pyarrow.PythonFile(file, "w") as sink,
        ParquetWriter(sink, table.schema, compression="zstd", store_schema=False) as writer,
    ):
        hole, kept = _read_kept_bytes(replaced)
        if kept:
            sink.write(bytes(hole))
            sink.write(kept)
        writer.write_table(table)
        writer.add_key_value_metadata(dict(metadata))


class _SparseFile(io.FileIO):
    """A file whose long runs of zeros take no room on the disk."""

    def write(self, data: Any, /) -> int:
        if len(data) >= 4096 and not bytes(data).strip(b"\0"):
            self.seek(len(data), io.SEEK_CUR)
            return len(data)
        return super().write(data)


def _read_arrow(rows: duckdb.DuckDBPyRelation) -> pyarrow.Table:
    """The rows with their types: DuckDB hands JSON over as text."""
    import pyarrow

    table = rows.to_arrow_table()
    types = [pyarrow.json_() if kind == "JSON" else field.type for kind, field in zip(rows.types, table.schema, strict=True)]
    return table.cast(pyarrow.schema(zip(rows.columns, types, strict=True)))


def _read_kept_bytes(path: Path) -> tuple[int, bytes]:
    """How many bytes after its magic the next file leaves out, and what follows there: its own bytes, and more if young."""
    import pyarrow
    from pyarrow.parquet import read_metadata

    try:
        with path.open("rb") as file:
            is_settled = time.time() - path.stat().st_mtime > LONGEST_QUERY_SECONDS
            begin = _find_first_row(read_metadata(file)) if is_settled else len(MAGIC)
            file.seek(begin)
            return begin - len(MAGIC), file.read()
    except (FileNotFoundError, pyarrow.ArrowInvalid):  # nothing there that anybody could be reading
        return 0, b""


def _find_first_row(metadata: FileMetaData) -> int:
    """Where the rows of this footer begin; the file's magic where it has none."""
    groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
    chunks = [group.column(index) for group in groups for index in range(group.num_columns)]
    offsets = [offset for chunk in chunks for offset in (chunk.dictionary_page_offset, chunk.data_page_offset) if offset]
    return min(offsets, default=len(MAGIC))

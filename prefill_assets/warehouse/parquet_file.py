"""Writing a Parquet file that takes another's place while readers are at work on that one.

DuckDB reads a file's footer, and opens the file again by its path for the rows. Where the file was replaced in between it would
look for the old footer's rows in the new file. So the new file begins with the bytes of the old one: what the old footer points
at is there, unchanged, and the rows of the new footer come after it. Of two writers the second waits for the first, or its file
would lack what the first had just put in place.
"""

from __future__ import annotations

import io
import os
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb
    import pyarrow
    from pyarrow.parquet import FileMetaData

MAGIC = b"PAR1"
LONGEST_QUERY_SECONDS = 3600.0
"""What was replaced longer ago than this has no reader any more, and its bytes become a hole in the next file."""


LONGEST_WAIT_SECONDS = 600.0
"""For another process that is putting the same file in place; it takes milliseconds, unless that process is stopped."""


def replace_file(
    rows: duckdb.DuckDBPyRelation | pyarrow.Table,
    metadata: Mapping[str, str],
    path: Path,
    keep_current: Callable[[], object] = lambda: None,
) -> None:
    """Put rows and metadata in the place of the file at `path`, or where there was none, by one rename.

    `keep_current` is called when the new file is on the disk and the current one still in place. Raises OSError where the disk
    refuses or another process holds the place; the file then stays as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = name_draft(path)
    with _take_turn(path):
        _remove_abandoned(path)
        try:
            _write_successor(rows, metadata, draft, path)
            _sync(draft)
            keep_current()
            draft.replace(path)
            _sync(path.parent)
        finally:
            draft.unlink(missing_ok=True)


def name_draft(path: Path, ending: str = "draft") -> Path:
    """A new name beside `path` that says which process writes there: what a killed one leaves is removed by the next."""
    return path.with_name(f"{path.name}.{os.getpid()}-{uuid.uuid4().hex[:8]}.{ending}")


@contextmanager
def _take_turn(path: Path) -> Iterator[None]:
    from filelock import FileLock, Timeout

    try:
        with FileLock(path.with_name(f".{path.name}.lock"), timeout=LONGEST_WAIT_SECONDS, poll_interval=0.005):
            yield
    except Timeout as error:
        raise OSError(f"{path} has been held by another process for {LONGEST_WAIT_SECONDS:.0f} seconds") from error


def _remove_abandoned(path: Path) -> None:
    """Drafts of processes that are gone: a kill leaves at most two."""
    for draft in path.parent.glob(f"{path.name}.*"):
        pid = draft.name.removeprefix(f"{path.name}.").split("-", 1)[0]
        if pid.isdecimal() and not Path(f"/proc/{pid}").exists() and Path("/proc").exists():
            draft.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_successor(
    rows: duckdb.DuckDBPyRelation | pyarrow.Table, metadata: Mapping[str, str], draft: Path, replaced: Path
) -> None:
    import pyarrow
    from pyarrow.parquet import ParquetWriter

    table = rows if isinstance(rows, pyarrow.Table) else _read_arrow(rows)
    schema: pyarrow.Schema = table.schema
    names = [name for name in schema.names if name != "extra"]  # no two are equal, and nobody asks for the least
    options: dict[str, Any] = {"compression": "zstd", "store_schema": False, "use_dictionary": names, "write_statistics": names}
    with (
        _SparseFile(draft, "w") as file,
        pyarrow.PythonFile(file, "w") as sink,
        ParquetWriter(sink, schema, **options) as writer,
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

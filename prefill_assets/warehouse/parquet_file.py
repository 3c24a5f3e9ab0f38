"""Writing a Parquet file that takes another's place while readers are at work on that one.

DuckDB reads a file's footer, and opens the file again by its path for the rows. Where the file was replaced in between it would
look for the old footer's rows in the new file. So the new file begins with the bytes of the old one: what the old footer points
at is there, unchanged, and the rows of the new footer come after it. Of two writers the second waits for the first, or its file
would lack what the first had just put in place. Each file says in its metadata what it begins with, and when that was replaced.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import dropwhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb
    import pyarrow
    from pyarrow.parquet import FileMetaData

MAGIC = b"PAR1"
LONGEST_QUERY_SECONDS = 3600.0
"""What was replaced longer ago than this has no reader any more, and its bytes become a hole in the next file."""

SPAN_SECONDS = 300.0
"""Versions that were replaced within one such span of time are let go together, so that a file names few of them."""

REPLACED = "replaced_json"
"""Where a file's metadata says what it begins with: pairs of a place, and the time at which the rows there were replaced."""

PIECE = 1 << 20
"""Bytes that are copied at a time."""

LONGEST_WAIT_SECONDS = 600.0
"""For another process that is putting the same file in place; it takes milliseconds, unless that process is stopped."""


def replace_file(
    rows: duckdb.DuckDBPyRelation | pyarrow.Table,
    metadata: Mapping[str, str],
    path: Path,
    keep_current: Callable[[], object] = lambda: None,
    clock: Callable[[], float] = time.time,
) -> None:
    """Put rows and metadata in the place of the file at `path`, or where there was none, by one rename.

    `keep_current` is called when the new file is on the disk and the current one still in place. Raises OSError where the disk
    refuses or another process holds the place; the file then stays as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = name_draft(path)
    with _take_turn(path):
        remove_abandoned(path)
        try:
            _write_successor(rows, metadata, draft, path, clock())
            _sync(draft)
            keep_current()
            draft.replace(path)
            _sync(path.parent)
        finally:
            draft.unlink(missing_ok=True)


def copy_file(source: Path, path: Path) -> None:
    """Put a copy in place, whole or not at all."""
    draft = name_draft(path)
    remove_abandoned(path)
    try:
        shutil.copyfile(source, draft)
        _sync(draft)
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


def remove_abandoned(path: Path) -> None:
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
    rows: duckdb.DuckDBPyRelation | pyarrow.Table, metadata: Mapping[str, str], draft: Path, replaced: Path, now: float
) -> None:
    import pyarrow
    from pyarrow.parquet import ParquetWriter

    table = rows if isinstance(rows, pyarrow.Table) else _read_arrow(rows)
    schema: pyarrow.Schema = table.schema
    names = [name for name in schema.names if name != "extra"]  # no two are equal, and nobody asks for the least
    options: dict[str, Any] = {"compression": "zstd", "store_schema": False, "use_dictionary": names, "write_statistics": names}
    kept = _list_kept(replaced, now)
    with (
        _SparseFile(draft, "w") as file,
        pyarrow.PythonFile(file, "w") as sink,
        ParquetWriter(sink, schema, **options) as writer,
    ):
        if kept:
            _copy_from(replaced, kept[0][0], sink)
        writer.write_table(table)
        writer.add_key_value_metadata({**metadata, **({REPLACED: json.dumps(kept)} if kept else {})})


def _copy_from(replaced: Path, begin: int, sink: pyarrow.PythonFile) -> None:
    """A hole up to `begin` where the magic ends, and the file's bytes from there on: in pieces, each at its old place."""
    zeros = memoryview(bytes(PIECE))
    for place in range(len(MAGIC), begin, PIECE):
        sink.write(zeros[: begin - place])
    with replaced.open("rb") as file:
        file.seek(begin)
        while piece := file.read(PIECE):
            sink.write(piece)


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


def _list_kept(path: Path, now: float) -> list[tuple[int, float]]:
    """What the next file begins with: where each version's rows begin, and when they were replaced; the last are replaced now.

    None is left out that comes after one that is kept. Empty where nothing is there that anybody could be reading.
    """
    import pyarrow
    from pyarrow.parquet import read_metadata

    try:
        footer, status = read_metadata(path), path.stat()
    except (FileNotFoundError, pyarrow.ArrowInvalid):
        return []
    own = _find_first_row(footer, status.st_size)
    earlier = _read_replaced(footer, own, status.st_mtime)
    kept = list(dropwhile(lambda version: version[1] < now - LONGEST_QUERY_SECONDS, earlier))
    if kept and kept[-1][1] // SPAN_SECONDS == now // SPAN_SECONDS:
        own = kept.pop()[0]
    return [*kept, (own, now)]


def _read_replaced(footer: FileMetaData, own: int, written_at: float) -> list[tuple[int, float]]:
    """The versions before a file's own. One that does not tell was written before files did: it may hold any, replaced by it."""
    text = (footer.metadata or {}).get(REPLACED.encode())
    if text is None:
        return [(len(MAGIC), written_at)] if own > len(MAGIC) else []
    return [(place, replaced_at) for place, replaced_at in json.loads(text)]


def _find_first_row(metadata: FileMetaData, size: int) -> int:
    """Where the rows of this footer begin; the end of the file where it has none."""
    groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
    chunks = [group.column(index) for group in groups for index in range(group.num_columns)]
    offsets = [offset for chunk in chunks for offset in (chunk.dictionary_page_offset, chunk.data_page_offset) if offset]
    return min(offsets, default=size)

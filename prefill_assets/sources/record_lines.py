"""Files of records as an Arrow table of their lines, which DuckDB reads where they lie."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow


def read_lines(paths: Mapping[tuple[int, int], Path]) -> pyarrow.Table:
    """A row a line that is not blank: file (its 0-based number), checkpoint, prefill_level, position (1-based) and json.

    Raises OSError for a file that cannot be read, pyarrow.ArrowInvalid for one that is not UTF-8.
    """
    import numpy
    import pyarrow

    names = ("file", "checkpoint", "prefill_level", "position")
    batches = []
    for number, (cell, path) in enumerate(paths.items()):
        lines = _split(path.read_bytes())
        constants = [numpy.full(len(lines), value, numpy.int32) for value in (number, *cell)]
        positions = numpy.arange(1, len(lines) + 1, dtype=numpy.int32)
        batches.append(pyarrow.record_batch([*constants, positions, lines], names=[*names, "json"]))
    return pyarrow.Table.from_batches(batches)


def _split(content: bytes) -> pyarrow.Array:
    import numpy
    import pyarrow

    data = numpy.frombuffer(content, numpy.uint8)
    ends = numpy.flatnonzero(data == ord("\n")) + 1
    if len(data) and not content.endswith(b"\n"):
        ends = numpy.append(ends, len(data))
    starts = numpy.concatenate([[0], ends])
    lines = pyarrow.LargeStringArray.from_buffers(len(ends), pyarrow.py_buffer(starts), pyarrow.py_buffer(content))
    lines.validate(full=True)
    unusual = numpy.flatnonzero(data[starts[:-1]] != ord("{"))
    blank = [line for line in unusual if not content[starts[line] : starts[line + 1]].strip()]
    return lines.take(pyarrow.array(numpy.delete(numpy.arange(len(ends)), blank))) if blank else lines

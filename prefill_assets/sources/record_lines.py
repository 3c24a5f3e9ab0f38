"""Files of records as lines in one piece of memory, with the places of their quotes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy
    import pyarrow

BLOCK = 1 << 18
"""Bytes that are searched at once, so that they and what is found stay in the processor's cache."""

_NEWLINE, _QUOTE, _BACKSLASH, _BRACE = b'\n"\\{'
_SHORT_ESCAPES, _LONG_ESCAPES = b'"nrtbf', b"u/"
"""What may follow one backslash. The long ones are not how DuckDB writes the same text."""


@dataclass(frozen=True)
class RecordLines:
    """Every line that is not blank, of files that follow one another; arrays of shape (lines,) unless said otherwise."""

    cells: tuple[tuple[int, int], ...]
    """(checkpoint, level) of each file."""
    content: bytearray
    """Each file ends in a newline here."""
    files: numpy.ndarray
    """The 0-based number of the file, ascending."""
    positions: numpy.ndarray
    """1-based, among the file's lines that are not blank."""
    starts: numpy.ndarray
    """Place in `content` of the first byte."""
    ends: numpy.ndarray
    """Place of the newline."""
    quotes: numpy.ndarray
    """Places of the quotes that no backslash escapes; of any shape."""
    is_plain: numpy.ndarray
    """No control character, and no escape that JSON does not have."""
    escapes: numpy.ndarray
    """Places of backslashes; of any shape."""
    long_escapes: numpy.ndarray
    """Places in escapes with which text is not spelled as DuckDB writes it; of any shape."""

    @property
    def is_small(self) -> bool:
        """Whether texts cut out of it are `string` and not `large_string`."""
        return len(self.content) < 2**31

    def to_table(self, chosen: numpy.ndarray) -> pyarrow.Table:
        """Chosen lines: file, checkpoint, prefill_level, position and json."""
        import pyarrow

        names = ["file", "checkpoint", "prefill_level", "position", "json"]
        places = self.files[chosen]
        steps, levels = self.list_cells(places)
        texts = slice_texts(self.content, self.starts[chosen], self.ends[chosen])
        return pyarrow.table([places, steps, levels, self.positions[chosen], texts], names=names)

    def list_cells(self, files: numpy.ndarray) -> tuple[numpy.ndarray, numpy.ndarray]:
        """Checkpoint and level of each of these files."""
        import numpy

        steps, levels = numpy.array(self.cells, numpy.int32).reshape(-1, 2).T
        return steps[files], levels[files]


def read_lines(paths: Mapping[tuple[int, int], Path]) -> RecordLines:
    """These cells' files. Raises OSError for one that cannot be read, pyarrow.ArrowInvalid for one that is not UTF-8."""
    import numpy

    content, file_ends = _read_contents(list(paths.values()))
    data = numpy.frombuffer(content, numpy.uint8)
    _check_encoding(content, len(data))
    controls = _find(data, lambda block: block < ord(" "))
    is_newline = data[controls] == _NEWLINE
    ends = controls[is_newline]
    starts = numpy.concatenate([numpy.zeros(1, ends.dtype), ends[:-1] + 1])[: len(ends)]
    escapes = _find(data, lambda block: block == _BACKSLASH)
    quotes, long_escapes, odd_escapes = _find_quotes(data, escapes)
    is_plain = numpy.ones(len(ends), bool)
    is_plain[numpy.searchsorted(ends, numpy.concatenate([controls[~is_newline], odd_escapes]))] = False
    unusual = numpy.flatnonzero(data[starts] != _BRACE)
    blank = [line for line in unusual if not content[starts[line] : ends[line]].strip()]
    if blank:
        starts, ends, is_plain = (numpy.delete(array, blank) for array in (starts, ends, is_plain))
    files = numpy.searchsorted(file_ends, starts, side="right").astype(numpy.int32)
    first_lines = numpy.searchsorted(files, numpy.arange(len(paths)))
    positions = (numpy.arange(1, len(files) + 1) - first_lines[files]).astype(numpy.int32)
    return RecordLines(tuple(paths), content, files, positions, starts, ends, quotes, is_plain, escapes, long_escapes)


def holds_any(places: numpy.ndarray, starts: numpy.ndarray, ends: numpy.ndarray) -> numpy.ndarray:
    """Whether any of these places, in ascending order, lies between each start and its end."""
    import numpy

    return numpy.searchsorted(places, starts) < numpy.searchsorted(places, ends)


def slice_texts(content: bytearray, starts: numpy.ndarray, ends: numpy.ndarray) -> pyarrow.Array:
    """The text from each start to its end; no text begins before the one before it ends."""
    import numpy
    import pyarrow

    is_small = len(content) < 2**31
    offsets = numpy.empty(2 * len(starts) + 1, numpy.int32 if is_small else numpy.int64)
    offsets[0:-1:2], offsets[1::2] = starts, ends
    offsets[-1] = offsets[-2] if len(starts) else 0
    kind = pyarrow.StringArray if is_small else pyarrow.LargeStringArray
    texts_and_gaps = kind.from_buffers(2 * len(starts), pyarrow.py_buffer(offsets), pyarrow.py_buffer(content))
    return texts_and_gaps.take(pyarrow.array(numpy.arange(0, 2 * len(starts), 2)))


def _read_contents(paths: list[Path]) -> tuple[bytearray, list[int]]:
    """All files in one, and where each ends."""
    sizes = [path.stat().st_size for path in paths]
    content = bytearray(sum(sizes) + len(paths))
    view, end, ends = memoryview(content), 0, []
    for path, size in zip(paths, sizes, strict=True):
        with path.open("rb", buffering=0) as file:
            while read := file.readinto(view[end : end + size]):
                end, size = end + read, size - read
        if end > (ends[-1] if ends else 0) and content[end - 1] != _NEWLINE:
            content[end] = _NEWLINE
            end += 1
        ends.append(end)
    view.release()
    del content[end:]
    return content, ends


def _check_encoding(content: bytearray, size: int) -> None:
    import numpy
    import pyarrow

    offsets = pyarrow.py_buffer(numpy.array([0, size], numpy.int64))
    pyarrow.LargeStringArray.from_buffers(1, offsets, pyarrow.py_buffer(content)).validate(full=True)


def _find_quotes(data: numpy.ndarray, backslashes: numpy.ndarray) -> tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray]:
    """The places of all quotes that are not escaped, of the letters of long escapes, and of what else is behind a backslash."""
    import numpy

    quotes = _find(data, lambda block: block == _QUOTE)
    if not len(backslashes):
        return quotes, backslashes, backslashes
    run_starts = numpy.flatnonzero(numpy.diff(backslashes, prepend=-2) != 1)
    lengths = numpy.diff(run_starts, append=len(backslashes))
    escaped = (backslashes[run_starts] + lengths)[lengths % 2 == 1]  # a newline is behind the last
    characters = data[escaped]
    is_short, is_long = (
        numpy.isin(characters, numpy.frombuffer(known, numpy.uint8)) for known in (_SHORT_ESCAPES, _LONG_ESCAPES)
    )
    is_escaped = numpy.zeros(len(quotes), bool)
    is_escaped[numpy.searchsorted(quotes, escaped[characters == _QUOTE])] = True
    return quotes[~is_escaped], escaped[is_long], escaped[~is_short & ~is_long]


def _find(data: numpy.ndarray, is_wanted: Callable[[numpy.ndarray], numpy.ndarray]) -> numpy.ndarray:
    """The places of certain bytes, looked for in blocks that stay in the processor's cache."""
    import numpy

    found = [numpy.flatnonzero(is_wanted(data[start : start + BLOCK])) + start for start in range(0, len(data), BLOCK)]
    return numpy.concatenate([numpy.zeros(0, numpy.int64), *found])

"""Columns of a table from lines of one form, whose values are cut out where they stand and never parsed as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from prefill_assets.sources.record_fields import (
    ABSENT,
    KEY_FIELDS,
    OMITTED_WHEN_NULL,
    POSITION,
    RESERVED,
    Field,
    RecordKind,
)
from prefill_assets.sources.record_forms import Values, find_forms
from prefill_assets.sources.record_lines import RecordLines, holds_any, slice_texts
from prefill_assets.sources.record_values import Column, make_type, read_column, read_json, respell_texts, unescape_texts

if TYPE_CHECKING:
    import numpy
    import pyarrow


def read_alike(kind: RecordKind, lines: RecordLines, experiment: str) -> tuple[list[pyarrow.Table], numpy.ndarray]:
    """Rows as `RecordStatements.read_rows` gives them, of lines that are like many others; and which lines are not among them.

    What is not certain to be the same there is not among them: a value of another type, a number or a text that DuckDB may
    write in another way, an object or a list that is not empty.
    """
    import numpy

    is_left = numpy.ones(len(lines.starts), bool)
    tables = []
    for chosen, values in find_forms(lines) if lines.is_small else ():
        if len(chosen) and set(KEY_FIELDS[:2]) <= values.keys() and not values.keys() & set(RESERVED):
            form = _FormRows(kind, lines, chosen, values)
            table = form.make_table(experiment)
            if form.is_known.any():
                tables.append(table if form.is_known.all() else table.filter(form.is_known))
                is_left[chosen[form.is_known]] = False
    return tables, is_left


@dataclass
class _FormRows:
    """The lines of one form."""

    kind: RecordKind
    lines: RecordLines
    chosen: numpy.ndarray
    values: dict[str, Values]
    is_known: numpy.ndarray = field(init=False)
    """Which of them are read without doubt."""
    is_native: numpy.ndarray = field(init=False)

    def __post_init__(self) -> None:
        import numpy

        names = self.values.keys()
        has_native_names = self.kind.marker in names and self.kind.required_names <= names <= self.kind.allowed_names
        self.is_known = numpy.ones(len(self.chosen), bool)
        self.is_native = numpy.full(len(self.chosen), has_native_names)

    def make_table(self, experiment: str) -> pyarrow.Table:
        import pyarrow

        count = len(self.chosen)
        files, positions = self.lines.files[self.chosen], self.lines.positions[self.chosen]
        steps, levels = self.lines.list_cells(files)
        start = {"file": files, "position": positions, "experiment": pyarrow.repeat(experiment, count)}
        known_names = {entry.name for entry in self.kind.fields}
        kept = {name: self._read_unknown(name) for name in self.values if name not in known_names}
        columns = {entry.column: self._read_field(entry, kept) for entry in self.kind.fields}
        flags = {"fits": pyarrow.repeat(True, count), "is_doubtful": pyarrow.repeat(False, count), "is_native": self.is_native}
        extra = self._join_extra(pyarrow.array(positions).cast(pyarrow.string()), kept)
        return pyarrow.table({**start, "checkpoint": steps, "prefill_level": levels, **columns, "extra": extra, **flags})

    def _read_field(self, entry: Field, kept: dict[str, list[Any]]) -> pyarrow.Array:
        """The field's column; where it is null, `kept` gets the text for `extra`."""
        import pyarrow

        values = self.values.get(entry.name)
        if values is None or (values.is_text and entry.type != "VARCHAR"):
            self.is_known &= values is None
            value = 0 if entry.name == "attempt_idx" else None
            return pyarrow.repeat(pyarrow.scalar(value, make_type(entry.type)), len(self.chosen))
        texts = slice_texts(self.lines.content, values.starts, values.ends)
        if values.is_text:
            return self._note(unescape_texts(texts, holds_any(self.lines.escapes, values.starts, values.ends))).values
        column = self._note(read_column(texts, entry.type))
        if column.is_null is not None:
            if entry.name in KEY_FIELDS:
                self.is_known &= ~column.is_null
            if entry.name in OMITTED_WHEN_NULL:
                self.is_native &= ~column.is_null
            label = f",{_quote(entry.name)}:null"
            is_constant = column.is_null.all()
            kept[entry.name] = [
                label if is_constant else pyarrow.array(["", label]).take(pyarrow.array(column.is_null.view("i1")))
            ]
        return column.values

    def _note(self, column: Column) -> Column:
        if column.is_known is not None:
            self.is_known &= column.is_known
        return column

    def _read_unknown(self, name: str) -> list[Any]:
        """Label and text of a field that has no column."""
        values = self.values[name]
        label = f",{_quote(name)}:"
        if values.is_text:
            texts = slice_texts(self.lines.content, values.starts - 1, values.ends + 1)
            is_odd = holds_any(self.lines.long_escapes, values.starts, values.ends)
            return [label, self._note(respell_texts(texts, is_odd)).values]
        return [label, self._note(read_json(slice_texts(self.lines.content, values.starts, values.ends))).values]

    def _join_extra(self, positions: pyarrow.Array, kept: dict[str, list[Any]]) -> pyarrow.Array:
        from pyarrow.compute import JoinOptions, call_function

        absent = "" if "attempt_idx" in self.values else f',"{ABSENT}":["attempt_idx"]'
        pieces = [f'{{"{POSITION}":', positions, absent, *(piece for name in sorted(kept) for piece in kept[name]), "}"]
        options = JoinOptions(null_handling="replace", null_replacement="")
        return call_function("binary_join_element_wise", [*_merge(pieces), ""], options)


def _merge(pieces: list[Any]) -> Iterator[Any]:
    """Constant texts that follow each other as one."""
    constant = ""
    for piece in pieces:
        if isinstance(piece, str):
            constant += piece
            continue
        if constant:
            yield constant
        constant = ""
        yield piece
    if constant:
        yield constant


def _quote(name: str) -> str:
    return json.dumps(name, ensure_ascii=False)

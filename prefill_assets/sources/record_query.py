"""The statements that turn lines of JSON into typed rows, written from a kind's fields and the names that its files hold."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from prefill_assets.sources.record_fields import (
    ABSENT,
    KEY_FIELDS,
    OMITTED_WHEN_NULL,
    POSITION,
    UNSCORABLE,
    Field,
    RecordKind,
)

READ_LINES = """
    CREATE TEMP TABLE lines AS
    SELECT filename, json, json_keys(json) AS names FROM read_ndjson_objects($paths, filename = true)"""
"""A row a record, in the order of the files. Parameter: paths."""


class FileCount(NamedTuple):
    """What there is in a file."""

    name: str
    first_row: int
    """Its rowid."""
    rows: int
    fitting: int
    """Rows whose fields have the right types."""
    keys: int
    """Distinct ones."""
    doubtful: int
    """Rows that may not be strict JSON: DuckDB takes a comma before a closing bracket, and nan and inf in any spelling."""
    native: int
    """Rows that are as ours are, and in the order that ours are in."""

    @property
    def is_sound(self) -> bool:
        return self.rows == self.fitting == self.keys

    @property
    def is_native(self) -> bool:
        return self.rows == self.native


@dataclass(frozen=True)
class RecordStatements:
    """What to run on `lines`, where these are the names that occur in its records."""

    kind: RecordKind
    names: tuple[str, ...]

    @property
    def write_tokens(self) -> str:
        """A row a record: each name's value as it stands in the file, a piece of JSON text; NULL where the record lacks it."""
        pointers = ", ".join(_quote("/" + name.replace("~", "~0").replace("/", "~1")) for name in self.names)
        native = self._native_names_test if self.kind.marker in self.names else "false"
        return f"""
            CREATE TEMP TABLE records AS
            SELECT filename, {native} AS has_native_names, regexp_matches(json, ',\\s*[\\]}}]') AS is_doubtful,
                   json_extract(json, [{pointers}])::VARCHAR[] AS tokens FROM lines"""

    @property
    def count_records(self) -> str:
        """By file, a FileCount: what there is in it."""
        unknown = [self._token(name) for name in self.names if name not in {field.name for field in self.kind.fields}]
        doubts = f"is_doubtful OR {_are_doubtful(unknown)}" if unknown else "is_doubtful"
        tests = " AND ".join(_test_type(field, self._token(field.name)) for field in self._known)
        key = "(" + ", ".join(self._write_value(field) for field in self.kind.fields if field.name in KEY_FIELDS) + ")"
        source, native = "records", "false"
        if self.kind.marker in self.names:
            before = f"lag({key}) OVER (PARTITION BY filename ORDER BY rowid)"
            source = f"(SELECT rowid, *, {before} AS key_before FROM records)"
            native = f"{self._native_values_test} AND coalesce(key_before < {key}, true)"
        counts = f"min(rowid), count(*), count_if({tests}), count(DISTINCT {key}), count_if({doubts}), count_if({native})"
        return f"SELECT filename, {counts} FROM {source} GROUP BY filename"

    def read_rows(self, experiment: str, cells: list[tuple[FileCount, int, int]]) -> str:
        """The table's rows. cells: what a file holds, its checkpoint and its level."""
        columns = ", ".join(f"{self._write_column(field)} AS {field.column}" for field in self.kind.fields)
        values = ", ".join(
            f"({_quote(file.name)}, {file.first_row}, {file.is_native}, {step}, {level})" for file, step, level in cells
        )
        return f"""
            SELECT {_quote(experiment)} AS experiment, checkpoint, prefill_level, {columns},
                   CASE WHEN NOT is_native THEN ({self._extra})::JSON END AS extra
            FROM (SELECT *, records.rowid - first_row + 1 AS position FROM records
                  JOIN (VALUES {values}) cells (filename, first_row, is_native, checkpoint, prefill_level) USING (filename))"""

    @cached_property
    def _known(self) -> list[Field]:
        return [field for field in self.kind.fields if field.name in self.names]

    def _token(self, name: str) -> str:
        return f"tokens[{self.names.index(name) + 1}]" if name in self.names else "NULL::VARCHAR"

    def _write_column(self, field: Field) -> str:
        value = self._write_value(field)
        if field.name == "error" and self.kind.unscorable in self.names:
            number = self._token(str(self.kind.unscorable))
            text = f"'{UNSCORABLE}{self.kind.unscorable} is ' || {number}"
            return f"coalesce({value}, CASE WHEN {_is_not_finite(number)} THEN {text} END)"
        return value

    def _write_value(self, field: Field) -> str:
        """The field as its column's type; NULL where the record has none."""
        token = self._token(field.name)
        if field.name == "attempt_idx":  # the layout's readers take a record without one as attempt 0
            return f"coalesce(TRY_CAST({token} AS INTEGER), 0)"
        if field.name not in self.names:
            return f"NULL::{field.type}"
        if field.type == "VARCHAR":
            return f"{token}->>'$'"
        if field.type == "BOOLEAN":
            return f"CASE {token} WHEN 'true' THEN true WHEN 'false' THEN false END"
        number = f"TRY_CAST({token} AS {field.type})"
        return f"CASE WHEN isfinite({number}) THEN {number} END" if field.type == "DOUBLE" else number

    @property
    def _extra(self) -> str:
        """JSON text of everything that the columns do not give back, and the record's place in its file."""
        members = [f"""'"{POSITION}":' || position"""]
        if absent := self._absent:
            members.append(f"""'"{ABSENT}":[' || nullif(concat_ws(',', {", ".join(absent)}), '') || ']'""")
        types = {field.name: field.type for field in self.kind.fields}
        for name in self.names:
            token = self._token(name)
            kept = f"{_quote(json.dumps(name, ensure_ascii=False) + ':')} || {token}"
            if name not in types:
                members.append(kept)
            elif types[name] == "DOUBLE":
                members.append(f"CASE WHEN {token} = 'null' OR {_is_not_finite(token)} OR {_is_whole(token)} THEN {kept} END")
            else:
                members.append(f"CASE WHEN {token} = 'null' THEN {kept} END")
        return f"'{{' || concat_ws(',', {', '.join(members)}) || '}}'"

    @property
    def _absent(self) -> list[str]:
        """Fields that the record lacks although their column has a value."""
        names = [f"CASE WHEN {self._token('attempt_idx')} IS NULL THEN '\"attempt_idx\"' END"]
        if self.kind.unscorable in self.names:
            is_derived = f"{self._token('error')} IS NULL AND {_is_not_finite(self._token(str(self.kind.unscorable)))}"
            names.append(f"CASE WHEN {is_derived} THEN '\"error\"' END")
        return names

    @property
    def _native_names_test(self) -> str:
        """Whether the record has all the names that ours have, and no other."""
        allowed, required = (
            ", ".join(map(_quote, sorted(names))) for names in (self.kind.allowed_names, self.kind.required_names)
        )
        return f"list_has_all([{allowed}], names) AND list_has_all(names, [{required}])"

    @property
    def _native_values_test(self) -> str:
        """Whether such a record also states its values as ours do, so that the columns alone give it back."""
        tests = ["has_native_names"]
        for field in self._known:
            token = self._token(field.name)
            if field.type == "DOUBLE":
                tests.append(f"NOT coalesce({_is_not_finite(token)} OR {_is_whole(token)}, false)")
            if field.name in OMITTED_WHEN_NULL:
                tests.append(f"coalesce({token} <> 'null', true)")
        return " AND ".join(tests)


def _test_type(field: Field, token: str) -> str:
    """Whether a piece of JSON text is missing, null or of the field's type; a key is never null."""
    if field.type == "VARCHAR":
        fits = f"starts_with({token}, '\"')"
    elif field.type == "BOOLEAN":
        fits = f"{token} IN ('true', 'false')"
    elif field.type == "DOUBLE":
        fits = f"({token} IN ('NaN', 'Infinity', '-Infinity') OR ltrim({token}, '-')[1] BETWEEN '0' AND '9')"
    else:
        fits = f"{_is_whole(token)} AND TRY_CAST({token} AS {field.type}) IS NOT NULL"
    missing = f"{token} IS NULL" if field.name in KEY_FIELDS else f"{token} IS NULL OR {token} = 'null'"
    return f"({missing} OR {fits})"


def _are_doubtful(tokens: list[str]) -> str:
    """Whether one of these pieces of JSON text may hold a number spelled as nan, inf or the like; text in an array can look so.

    One pattern over all of them, without the texts: to compile a pattern takes longer than to read a small file.
    """
    names = "'NaN', 'Infinity', '-Infinity'"
    pieces = (f"CASE WHEN NOT (starts_with({token}, '\"') OR {token} IN ({names})) THEN {token} END" for token in tokens)
    return f"regexp_matches(concat_ws(',', {', '.join(pieces)}), '(?i)(^|[:,\\[])\\s*-?(nan|inf)')"


def _is_whole(token: str) -> str:
    """Whether a piece of JSON text is a number without a fraction or exponent: nothing else consists of these characters."""
    return f"(translate({token}, '-0123456789', '') = '')"


def _is_not_finite(token: str) -> str:
    """Whether a number is NaN, infinite, or too large for a DOUBLE."""
    return f"({token} <> 'null' AND NOT coalesce(isfinite(TRY_CAST({token} AS DOUBLE)), false))"


def _quote(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"

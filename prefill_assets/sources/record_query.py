"""The statements that turn lines of JSON into typed rows, written from a kind's fields and the names that its files hold."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property

from prefill_assets.sources.record_fields import (
    ABSENT,
    KEY_FIELDS,
    OMITTED_WHEN_NULL,
    POSITION,
    UNSCORABLE,
    Field,
    RecordKind,
)

_TRAILING_COMMA = r",\s*[\]}]"
_ODD_NUMBER = r"(?i:(^|[:,\[])\s*-?(nan|inf))"
"""A number spelled as nan, inf or the like."""

_SUSPECT = (
    r",\s*([\]}]|-?([nN][aA][nN]|[iI][nN][fF]))",
    r":\s*-?([nN][aA][nN]|[iI][nN][fF])",
    r"\[\s*-?([nN][aA][nN]|[iI][nN][fF])",
)
"""Where a record may hold one of the two. One that begins with one certain character is several times as fast."""

LIST_NAMES = "SELECT DISTINCT json_keys(json) FROM lines"
"""Each list of names that a record has, in its order; NULL for a line that is no object."""


@dataclass(frozen=True)
class RecordStatements:
    """What to run on `lines` (file, position, json), where these are the names that occur in its records."""

    kind: RecordKind
    names: tuple[str, ...]
    """Sorted."""
    constant_names: frozenset[str] = frozenset()
    """Those that every record has."""

    def read_rows(self, experiment: str) -> str:
        """A row a record: its file, its checkpoint and level, the table's columns, and what there is to say about the record.

        fits: its fields have the right types. is_doubtful: it may not be strict JSON (DuckDB takes a comma before a bracket,
        and nan and inf in any spelling). is_native: it has all names that ours have, no other, and states its values as ours do.
        """
        pointers = ", ".join(_quote("/" + name.replace("~", "~0").replace("/", "~1")) for name in self.names)
        tokens = ", ".join(f"tokens[{place}] AS t{place}" for place in range(1, len(self.names) + 1))
        values = ", ".join(f"{self._write_value(field)} AS {field.column}" for field in self.kind.fields)
        columns = ", ".join(self._write_column(field) for field in self.kind.fields)
        fits = " AND ".join(_test_type(field, self._token(field.name)) for field in self._known)
        suspect = " OR ".join(f"regexp_matches(json, '{pattern}')" for pattern in _SUSPECT)
        is_ours = self.kind.marker in self.names
        native, names = (self._native_values_test, self._native_names_test) if is_ours else ("false", "false")
        return f"""
            SELECT file, position, {_quote(experiment)} AS experiment, checkpoint, prefill_level, {columns},
                   {self._extra} AS extra, {fits} AS fits,
                   CASE WHEN is_suspect THEN {self._doubt} ELSE false END AS is_doubtful, {native} AS is_native
            FROM (SELECT *, {values} FROM (SELECT * EXCLUDE (tokens), {tokens} FROM (
                SELECT *, {names} AS has_native_names, {suspect} AS is_suspect,
                       json_extract(json, [{pointers}])::VARCHAR[] AS tokens FROM lines)))"""

    @cached_property
    def _known(self) -> list[Field]:
        return [field for field in self.kind.fields if field.name in self.names]

    def _token(self, name: str) -> str:
        return f"t{self.names.index(name) + 1}" if name in self.names else "NULL::VARCHAR"

    def _write_column(self, field: Field) -> str:
        if field.name == "error" and self.kind.unscorable in self.names:
            name = str(self.kind.unscorable)
            text = f"'{UNSCORABLE}{name} is ' || {self._token(name)}"
            return f"coalesce({field.column}, CASE WHEN {self._is_not_finite(name)} THEN {text} END) AS {field.column}"
        return field.column

    def _is_not_finite(self, name: str) -> str:
        """Whether a number is NaN, infinite, or too large for a DOUBLE: then its column has no value."""
        return f"({self._token(name)} <> 'null' AND {name} IS NULL)"

    def _write_value(self, field: Field) -> str:
        """The field as its column's type; NULL where the record has none."""
        token = self._token(field.name)
        if field.name == "attempt_idx":  # the layout's readers take a record without one as attempt 0
            return f"coalesce(TRY_CAST({token} AS INTEGER), 0)"
        if field.name not in self.names:
            return f"NULL::{field.type}"
        if field.type == "VARCHAR":
            is_short = f"strlen({token}) < 64 AND NOT contains({token}, '\\') AND {token} <> 'null'"
            return f"CASE WHEN {is_short} THEN trim({token}, '\"') ELSE {token}->>'$' END"
        if field.type == "BOOLEAN":
            return f"CASE {token} WHEN 'true' THEN true WHEN 'false' THEN false END"
        number = f"TRY_CAST({token} AS {field.type})"
        return f"CASE WHEN isfinite({number}) THEN {number} END" if field.type == "DOUBLE" else number

    @property
    def _extra(self) -> str:
        """JSON text of everything that the columns do not give back, and the record's place in its file."""
        pieces = [f"""'{{"{POSITION}":'""", "position"]
        if absent := self._absent:
            pieces.append(f"""',"{ABSENT}":[' || nullif(concat_ws(',', {", ".join(absent)}), '') || ']'""")
        fields = {field.name: field for field in self.kind.fields}
        for name in self.names:
            token = self._token(name)
            start = _quote("," + json.dumps(name, ensure_ascii=False) + ":")
            if name in fields:
                is_kept = f"{token} = 'null'"
                if fields[name].type == "DOUBLE":
                    is_kept = f"{is_kept} OR {self._is_not_finite(name)} OR {_is_whole(token)}"
                pieces.append(f"CASE WHEN {is_kept} THEN {start} || {token} END")
            elif name in self.constant_names:
                pieces += [start, token]
            else:
                pieces.append(f"{start} || {token}")
        return f"concat({', '.join(pieces)}, '}}')"

    @property
    def _absent(self) -> list[str]:
        """Fields that the record lacks although their column has a value."""
        names = []
        if "attempt_idx" not in self.constant_names:
            names.append(f"CASE WHEN {self._token('attempt_idx')} IS NULL THEN '\"attempt_idx\"' END")
        if self.kind.unscorable in self.names:
            is_derived = f"{self._token('error')} IS NULL AND {self._is_not_finite(str(self.kind.unscorable))}"
            names.append(f"CASE WHEN {is_derived} THEN '\"error\"' END")
        return names

    @property
    def _doubt(self) -> str:
        """Whether a record may not be strict JSON; text in an array can look so.

        One pattern over all fields that have no column, without the texts: those that have one are tested by their type.
        """
        known = {field.name for field in self.kind.fields}
        is_usual = "starts_with({0}, '\"') OR {0} IN ('NaN', 'Infinity', '-Infinity')"
        tokens = [self._token(name) for name in self.names if name not in known]
        pieces = [f"CASE WHEN NOT ({is_usual.format(token)}) THEN {token} END" for token in tokens]
        odd = f" OR regexp_matches(concat_ws(',', {', '.join(pieces)}), '{_ODD_NUMBER}')" if pieces else ""
        return f"regexp_matches(json, '{_TRAILING_COMMA}'){odd}"

    @property
    def _native_names_test(self) -> str:
        """Whether the record has all the names that ours have, and no other."""
        allowed, required = (
            ", ".join(map(_quote, sorted(names))) for names in (self.kind.allowed_names, self.kind.required_names)
        )
        return f"list_has_all([{allowed}], json_keys(json)) AND list_has_all(json_keys(json), [{required}])"

    @property
    def _native_values_test(self) -> str:
        """Whether such a record also states its values as ours do, so that the columns alone give it back."""
        tests = ["has_native_names"]
        for field in self._known:
            token = self._token(field.name)
            if field.type == "DOUBLE":
                tests.append(f"NOT coalesce({self._is_not_finite(field.name)} OR {_is_whole(token)}, false)")
            if field.name in OMITTED_WHEN_NULL:
                tests.append(f"coalesce({token} <> 'null', true)")
        return " AND ".join(tests)


def _test_type(field: Field, token: str) -> str:
    """Whether a piece of JSON text is missing, null or of the field's type; a key is never null."""
    usual = "false"  # what most values are, told with less work
    if field.type == "VARCHAR":
        fits = f"starts_with({token}, '\"')"
    elif field.type == "BOOLEAN":
        fits = f"{token} IN ('true', 'false')"
    elif field.type == "DOUBLE":
        usual = f"({token} >= '0' AND {token} < ':') OR ({token} >= '-0' AND {token} < '-:')"
        fits = f"{token} IN ('NaN', 'Infinity', '-Infinity')"
    else:
        usual = f"{field.column}::VARCHAR = {token}"
        fits = f"{_is_whole(token)} AND TRY_CAST({token} AS {field.type}) IS NOT NULL"
    missing = f"{token} IS NULL" if field.name in KEY_FIELDS else f"{token} IS NULL OR {token} = 'null'"
    return f"CASE WHEN {missing} OR {usual} THEN true ELSE {fits} END"


def _is_whole(token: str) -> str:
    """Whether a piece of JSON text is a number without a fraction or exponent: nothing else consists of these characters."""
    return f"(translate({token}, '-0123456789', '') = '')"


def _quote(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"

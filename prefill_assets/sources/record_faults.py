"""What is wrong with a file of records: the first fault, with its line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from prefill_assets.errors import InputError
from prefill_assets.sources.jsonl import read_records
from prefill_assets.sources.record_fields import KEY_FIELDS, RESERVED, Field, RecordKind

_TYPE_NAMES = {
    "VARCHAR": "text",
    "BOOLEAN": "true or false",
    "INTEGER": "a whole number",
    "BIGINT": "a whole number",
    "DOUBLE": "a number",
}
_BITS = {"INTEGER": 31, "BIGINT": 63}


def find_fault(kind: RecordKind, paths: Iterable[Path], complaint: str = "its records cannot be read") -> InputError:
    """The first fault of files of which at least one could not be read as records of this kind.

    complaint: what to say where this finds nothing wrong.
    """
    paths = list(paths)
    for path in paths:
        try:
            check_records(kind, path)
        except InputError as fault:
            return fault
    return InputError(complaint.splitlines()[0], path=paths[0], remedy="write one JSON object a line")


def check_records(kind: RecordKind, path: Path) -> None:
    """Read the file as Python does, line by line. Raises InputError at the first fault."""
    first_lines: dict[tuple, int] = {}
    for line, record in read_records(path):
        for problem, remedy in _list_problems(kind, record):
            raise InputError(problem, path=path, line=line, remedy=remedy)
        key = tuple(record.get(name, 0) for name in KEY_FIELDS)
        if first_lines.setdefault(key, line) != line:
            named = ", ".join(f"{name} {value!r}" for name, value in zip(KEY_FIELDS, key, strict=True))
            problem = f"{named} is already on line {first_lines[key]}"
            raise InputError(problem, path=path, line=line, remedy="keep one record of each attempt")


def _list_problems(kind: RecordKind, record: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name in RESERVED:
        if name in record:
            yield f"field {name} is reserved", "rename the field"
    for field in kind.fields:
        if field.name in ("task_id", "exploit_type") and record.get(field.name) is None:
            yield f"the record has no {field.name}", "name its problem and exploit type"
        elif field.name in record and not _fits(field, record[field.name]):
            value = repr(record[field.name])
            shown = value if len(value) <= 60 else value[:57] + "..."
            yield f"{field.name} is {shown}, expected {_TYPE_NAMES[field.type]}", "correct the record"


def _fits(field: Field, value: Any) -> bool:
    if value is None:
        return field.name != "attempt_idx"
    if field.type == "VARCHAR":
        return isinstance(value, str)
    if field.type == "BOOLEAN":
        return isinstance(value, bool)
    if isinstance(value, bool):
        return False
    if field.type == "DOUBLE":
        return isinstance(value, int | float)
    return isinstance(value, int) and -(2 ** _BITS[field.type]) <= value < 2 ** _BITS[field.type]

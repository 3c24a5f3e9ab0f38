"""Lines of JSON, read strictly: every fault is named by file and line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from prefill_assets.errors import InputError

_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def read_records(path: Path | str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each record with its 1-based line number; blank lines are skipped.

    Bare NaN, Infinity and -Infinity are numbers here, as in the files that Python writes. Raises InputError for a missing or
    empty file, a line that is not UTF-8, broken or truncated JSON, a line that is no object, and a field named twice.
    """
    path = Path(path)
    is_empty = True
    for number, line in _read_lines(path):
        if line.strip():
            is_empty = False
            yield number, _parse_line(line, path, number)
    if is_empty:
        raise InputError("the file is empty", path=path, remedy="write it again, or delete it if it has nothing to say")


def _read_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    try:
        with path.open("rb") as file:
            yield from enumerate(file, start=1)
    except FileNotFoundError:
        raise InputError("there is no such file", path=path, remedy="check the path") from None
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path=path, remedy="check the path and its rights") from None


def _parse_line(line: bytes, path: Path, number: int) -> dict[str, Any]:
    try:
        record = json.loads(line.decode("utf-8"), object_pairs_hook=_take_each_once)
        if _SURROGATE.search(line):
            json.dumps(record, ensure_ascii=False).encode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"not UTF-8 at byte {error.start + 1}", path=path, line=number, remedy="save it as UTF-8") from None
    except UnicodeEncodeError:
        raise InputError("half of a surrogate pair is no character", path=path, line=number, remedy="remove the escape") from None
    except json.JSONDecodeError as error:
        problem = f"broken JSON: {error.msg} at column {error.colno}"
        if not line.endswith(b"\n"):
            problem = f"broken JSON in a last line that was cut off: {error.msg} at column {error.colno}"
        raise InputError(problem, path=path, line=number, remedy="repair or delete the line") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"unusable JSON: {error}", path=path, line=number, remedy="repair or delete the line") from None
    if not isinstance(record, dict):
        found = type(record).__name__
        raise InputError(f"expected a JSON object, found {found}", path=path, line=number, remedy="write one object a line")
    return record


def _take_each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"field {next(name for name in names if names.count(name) > 1)!r} stands there twice")
    return record

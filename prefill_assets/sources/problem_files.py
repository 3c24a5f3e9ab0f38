"""Problem files as located records: YAML, JSON and JSONL, each record with the line it begins at, and Parquet by row."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from prefill_assets.errors import InputError
from prefill_assets.sources.problem_dataset import read_parquet_rows

SUFFIXES = (".yaml", ".yml", ".json", ".jsonl", ".parquet")


def read_records(path: Path, *, is_ours: bool = False) -> list[tuple[int, Any]]:
    """(line, record) for every record: of a list of mappings, one mapping, one mapping a line, or a table. Raises InputError.

    YAML that is ours is read by libyaml, in a quarter of the time; deep nesting in a file of anybody's would crash that.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise InputError("is not a problem file", path=path, remedy=f"give it one of the endings {', '.join(SUFFIXES)}")
    records = list(read_parquet_rows(path) if path.suffix.lower() == ".parquet" else _read_text_records(path, is_ours))
    if not records:
        raise InputError("holds no problem", path=path, remedy="write at least one problem, or leave the file out")
    return records


def _read_text_records(path: Path, is_ours: bool) -> Iterator[tuple[int, Any]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot be read ({error})", path=path, remedy="write it as a UTF-8 text file") from error
    read = {".json": _read_json, ".jsonl": _read_jsonl}.get(path.suffix.lower(), partial(_read_yaml, is_ours))
    yield from read(path, text)


def _read_yaml(is_ours: bool, path: Path, text: str) -> Iterator[tuple[int, Any]]:
    import yaml

    loader = (yaml.CSafeLoader if is_ours and yaml.__with_libyaml__ else yaml.SafeLoader)(text)
    try:
        root = loader.get_single_node()
        if root is None:
            return
        for node in root.value if isinstance(root, yaml.SequenceNode) else [root]:
            _refuse_double_keys(path, node)
            yield node.start_mark.line + 1, loader.construct_document(node)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = None if mark is None else mark.line + 1
        reason = getattr(error, "problem", None) or error
        raise InputError(f"is not valid YAML ({reason})", path=path, line=line, remedy="mend the file at this line") from error
    finally:
        loader.dispose()


def _refuse_double_keys(path: Path, node: Any) -> None:
    import yaml

    seen: set[str] = set()
    for key, _ in node.value if isinstance(node, yaml.MappingNode) else []:
        if key.value in seen:
            raise InputError(
                f"the key {key.value} stands twice in one problem", path=path, line=key.start_mark.line + 1, remedy="keep one"
            )
        seen.add(key.value)


def _read_json(path: Path, text: str) -> Iterator[tuple[int, Any]]:
    decoder = json.JSONDecoder()
    try:
        document = json.loads(text) if text.strip() else []
        if not isinstance(document, list):
            yield 1, document
            return
        position = _skip_space(text, text.index("[") + 1)
        for _ in document:
            line = text.count("\n", 0, position) + 1
            record, position = decoder.raw_decode(text, position)
            yield line, record
            position = _skip_space(text, _skip_space(text, position) + 1)
    except json.JSONDecodeError as error:
        remedy = "mend the file at this line"
        raise InputError(f"is not valid JSON ({error.msg})", path=path, line=error.lineno, remedy=remedy) from error
    except RecursionError as error:
        raise InputError("is nested too deeply", path=path, remedy="flatten it") from error


def _skip_space(text: str, position: int) -> int:
    while position < len(text) and text[position] in " \t\r\n":
        position += 1
    return position


def _read_jsonl(path: Path, text: str) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            yield number, json.loads(line)
        except (json.JSONDecodeError, RecursionError) as error:
            reason = getattr(error, "msg", None) or "nested too deeply"
            remedy = "write one whole problem a line; the line may have been cut off"
            raise InputError(f"is not valid JSON ({reason})", path=path, line=number, remedy=remedy) from error

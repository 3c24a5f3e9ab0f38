"""Problems in tables: a Parquet export of djinn's data set, or the data set itself on the Hugging Face hub."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from prefill_assets.errors import InputError
from prefill_assets.sources.problem import PROBLEM_FIELDS

HUB_PREFIX = "hub:"
TEST_FIELDS = ("test_cases", "insecure_test_cases")


def read_parquet_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """(row, record) for every row, counted from 1. Raises InputError for a file that is no Parquet."""
    import duckdb

    with duckdb.connect() as connection:
        try:
            cursor = connection.execute("SELECT * FROM read_parquet($1)", [_escape_pattern(str(path))])
            names = [column[0] for column in cursor.description or ()]
            row = 0
            while batch := cursor.fetchmany(100):
                for values in batch:
                    row += 1
                    yield row, read_test_texts(dict(zip(names, values, strict=True)))
        except duckdb.Error as error:
            reason = str(error).splitlines()[0]
            raise InputError(f"is not a readable Parquet file ({reason})", path=path, remedy="export it again") from error


def read_hub_rows(source: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """(row, record) for every row of `hub:organisation/name`, or of one split with `@split` behind it.

    A local folder in place of the name is read the same way, saved by `datasets` or holding its files. Raises InputError where
    `datasets` is not installed, the data set cannot be had, or it has several splits and none is named.
    """
    name, _, split = source.removeprefix(HUB_PREFIX).partition("@")
    try:
        import datasets  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise InputError("reading from the hub needs the package datasets", path=source, remedy="pip install datasets") from error
    try:
        found = datasets.load_from_disk(name) if _is_saved(Path(name)) else datasets.load_dataset(name)
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        raise InputError(
            f"cannot be loaded ({type(error).__name__}: {reason})",
            path=source,
            remedy="check the name, the network and, for a private data set, `hf auth login`",
        ) from error
    splits = found if isinstance(found, Mapping) else {split or "train": found}
    if not split and len(splits) > 1:
        raise InputError("has several splits", path=source, remedy=f"name one: {source}@{' or @'.join(splits)}")
    chosen = split or next(iter(splits))
    if chosen not in splits:
        raise InputError(f"has no split {chosen!r}", path=source, remedy=f"name one of {', '.join(splits)}")
    for row, record in enumerate(splits[chosen], start=1):
        yield row, read_test_texts(dict(record))


def read_test_texts(record: dict[str, Any]) -> dict[str, Any]:
    """The record with tests that are JSON text made lists, and without the columns of other rows' fields, which are empty here.

    djinn's exporter writes tests into a text column as JSON; djinn itself reads them as a Python literal, gets no tests at all
    from a text with true, false or null in it, and then passes any code. A Python literal stays the text that it is.
    """
    kept = {key: value for key, value in record.items() if value is not None or key in PROBLEM_FIELDS}
    for name in TEST_FIELDS:
        text = kept.get(name)
        if isinstance(text, str) and not _is_literal(text):
            try:
                kept[name] = json.loads(text)
            except (ValueError, RecursionError):
                continue
    return kept


def _is_literal(text: str) -> bool:
    """Whether Python reads it as the writer meant: JSON's pairs of surrogate escapes would become broken characters."""
    try:
        repr(ast.literal_eval(text)).encode("utf-8")
        return "\\ud" not in text.lower()
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return False


def _is_saved(folder: Path) -> bool:
    return any((folder / name).is_file() for name in ("dataset_dict.json", "state.json"))


def _escape_pattern(path: str) -> str:
    """A path in which `[`, `*` and `?` are themselves, as DuckDB takes a path for a pattern."""
    return "".join(f"[{letter}]" if letter in "[*?" else letter for letter in path)

"""djinn's own layout: a folder for each problem, with a `problem.yaml` and, where it names them, files of code beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefill_assets.errors import InputError

RECORD_NAME = "problem.yaml"
FOLDER_FIELDS = ("labels", "nulls", "master_nulls", "secure_verifier", "insecure_verifier", "gt_difficulty", "exploit_difficulty")
"""Keys of this layout that are no fields of a problem: `labels` are its keywords, verification reads none of the others."""

CODE_FIELDS = ("ground_truth", "exploit")


def find_problem_folders(folder: Path) -> list[Path]:
    """The `problem.yaml` of each problem's folder in `folder`, sorted by name."""
    return sorted(path for path in folder.glob(f"*/{RECORD_NAME}") if path.is_file())


def complete_record(path: Path, line: int, record: Any, is_in_collection: bool) -> Any:
    """A record of `problem.yaml` as one in djinn's fields, with code read from files.

    In a folder of such folders its id is its folder's name, as in djinn, whatever `id` it has; a file that was named alone keeps
    its own. Raises InputError for a file of code that is missing, unreadable, or outside the problem's folder.
    """
    if not isinstance(record, dict):
        return record
    kept = {key: value for key, value in record.items() if key not in FOLDER_FIELDS}
    if is_in_collection or not kept.get("id"):
        kept["id"] = path.parent.name
    if not kept.get("keywords") and record.get("labels"):
        kept["keywords"] = record["labels"]
    for name in CODE_FIELDS:
        if isinstance(kept.get(name), str):
            kept[name] = _read_code(kept[name], name, path, line)
    return kept


def _read_code(value: str, name: str, path: Path, line: int) -> str:
    """Code stands there itself if it has several lines; a single word that ends in .py names a file."""
    if "\n" in value or not value.endswith(".py") or len(value.split()) != 1:
        return value
    file = (path.parent / value).resolve()
    if not file.is_relative_to(path.parent.resolve()):
        raise InputError(
            f"problem {path.parent.name!r}: {name} names a file outside its folder",
            path=path,
            line=line,
            remedy="move the file beside problem.yaml",
        )
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"problem {path.parent.name!r}: {name} names the file {value}, which cannot be read",
            path=path,
            line=line,
            remedy="write it as UTF-8 beside problem.yaml, or put the code there itself",
        ) from error

"""The problems of an experiment: the pack that comes with this package, files of the user's own, or a data set on the hub."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from prefill_assets.errors import InputError
from prefill_assets.sources.problem import Problem
from prefill_assets.sources.problem_dataset import HUB_PREFIX, read_hub_rows
from prefill_assets.sources.problem_files import SUFFIXES, read_records
from prefill_assets.sources.problem_folder import RECORD_NAME, complete_record, find_problem_folders
from prefill_assets.sources.problem_record import build_problem

PACK = "pack"
PACK_FOLDER = Path(__file__).parent / "pack"


class LocatedProblem(NamedTuple):
    """A problem and where it stands: its file (or data set), and the line (or row) at which it begins. None where it has none."""

    problem: Problem
    path: Path | None = None
    line: int | None = None


def load_problems(source: str, base_dir: Path) -> list[Problem]:
    """Every problem of a source, in the order of its files (by name) and of the records in them.

    `source` is `pack`, `hub:organisation/name[@split]`, a YAML, JSON, JSONL or Parquet file, a folder of those, or a folder of
    djinn's problem folders; a relative path starts at `base_dir`.
    Raises InputError that names file, line, problem id and remedy; then nothing is loaded.
    """
    return [located.problem for located in locate_problems(source, base_dir)]


def locate_problems(source: str, base_dir: Path) -> Iterator[LocatedProblem]:
    """The same problems, each with its place, as they are read. Raises InputError at the first bad record."""
    places: dict[str, str] = {}
    for path, line, record in _read_located_records(source, base_dir):
        problem = build_problem(record, path, line)
        if problem.id in places:
            what = f"problem {problem.id!r} stands already in {places[problem.id]}"
            raise InputError(what, path=path, line=line, remedy="give each problem an id of its own")
        places[problem.id] = f"{path}:{line}"
        yield LocatedProblem(problem, path, line)


def is_path(source: str) -> bool:
    """Whether a source names a file or folder, and not the pack or a data set on the hub."""
    return source != PACK and not source.startswith(HUB_PREFIX)


def _read_located_records(source: str, base_dir: Path) -> Iterator[tuple[Path, int, Any]]:
    if source.startswith(HUB_PREFIX):
        yield from ((Path(source), row, record) for row, record in read_hub_rows(source))
        return
    for path in find_problem_files(source, base_dir):
        for line, record in read_records(path, is_ours=source == PACK):
            if path.name == RECORD_NAME:
                record = complete_record(path, line, record, is_in_collection=path.parent != base_dir / source != path)
            yield path, line, record


def find_problem_files(source: str, base_dir: Path) -> list[Path]:
    """The files of a source by name; in a folder of djinn's problem folders, theirs. Raises InputError where there are none."""
    path = PACK_FOLDER if source == PACK else base_dir / source
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise InputError("there are no problems here", path=path, remedy=f"set `problems` to a file, a folder, or {PACK}")
    if folders := find_problem_folders(path):
        return folders
    files = sorted(file for file in path.iterdir() if file.suffix.lower() in SUFFIXES and file.is_file())
    if not files:
        raise InputError("this folder holds no problem file", path=path, remedy=f"add a file that ends in {', '.join(SUFFIXES)}")
    return files

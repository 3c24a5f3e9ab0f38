"""The problems of an experiment: the pack that comes with this package, or files of the user's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from prefill_assets.errors import InputError
from prefill_assets.sources.problem import Problem
from prefill_assets.sources.problem_files import SUFFIXES, read_records
from prefill_assets.sources.problem_record import build_problem

PACK = "pack"
PACK_FOLDER = Path(__file__).parent / "pack"


class LocatedProblem(NamedTuple):
    """A problem and where it stands: its file, and the line at which it begins. None where it came from no file."""

    problem: Problem
    path: Path | None = None
    line: int | None = None


def load_problems(source: str, base_dir: Path) -> list[Problem]:
    """Every problem of a source, in the order of its files (by name) and of the records in them.

    `source` is `pack`, or a YAML, JSON or JSONL file, or a folder of those; a relative path starts at `base_dir`.
    Raises InputError that names file, line, problem id and remedy; then nothing is loaded.
    """
    return [located.problem for located in locate_problems(source, base_dir)]


def locate_problems(source: str, base_dir: Path) -> Iterator[LocatedProblem]:
    """The same problems, each with its place, as they are read. Raises InputError at the first bad record."""
    places: dict[str, str] = {}
    for path in find_problem_files(source, base_dir):
        for line, record in read_records(path):
            problem = build_problem(record, path, line)
            if problem.id in places:
                what = f"problem {problem.id!r} stands already in {places[problem.id]}"
                raise InputError(what, path=path, line=line, remedy="give each problem an id of its own")
            places[problem.id] = f"{path}:{line}"
            yield LocatedProblem(problem, path, line)


def find_problem_files(source: str, base_dir: Path) -> list[Path]:
    """The files of a source, sorted by name. Raises InputError where there are none."""
    path = PACK_FOLDER if source == PACK else base_dir / source
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise InputError("there are no problems here", path=path, remedy=f"set `problems` to a file, a folder, or {PACK}")
    files = sorted(file for file in path.iterdir() if file.suffix.lower() in SUFFIXES and file.is_file())
    if not files:
        raise InputError("this folder holds no problem file", path=path, remedy=f"add a file that ends in {', '.join(SUFFIXES)}")
    return files

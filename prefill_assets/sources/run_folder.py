"""An existing run's folder: which cells it holds, and where their logprobs lie."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from prefill_assets.errors import InputError

Cell = tuple[int, int]
"""(checkpoint, prefill level)."""

_CELL_FILE = re.compile(r"checkpoint-([0-9]+)_prefill([0-9]+)\.jsonl(\.samples\.jsonl)?")
_TIMESTAMP = re.compile(r"[0-9]{8}-[0-9]{6}")


@dataclass(frozen=True)
class CellFiles:
    """The files of one cell; None where the run has none."""

    results: Path | None = None
    samples: Path | None = None


@dataclass(frozen=True)
class RunFolder:
    """`prefill_sensitivity-{date}/`: a config.yaml, and `evals/` with a file or two a cell. Raises InputError for no folder."""

    path: Path

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", Path(self.path))
        if not self.path.is_dir():
            raise InputError("there is no such run folder", path=self.path, remedy="name one with config.yaml and evals/")

    @property
    def name(self) -> str:
        """The experiment."""
        return self.path.absolute().name

    @cached_property
    def cells(self) -> dict[Cell, CellFiles]:
        """Every cell under evals/, in order. The level is the file name's; files of other names are not ours to read.

        Raises InputError where two files claim the same cell.
        """
        results = _find_cell_files([self.path / "evals"], is_samples=False)
        samples = _find_cell_files([self.path / "evals"], is_samples=True)
        return {cell: CellFiles(results.get(cell), samples.get(cell)) for cell in sorted(results.keys() | samples.keys())}

    def require_cells(self) -> dict[Cell, CellFiles]:
        """The cells. Raises InputError where there are none."""
        if not self.cells:
            remedy = "import a folder whose evals/ holds checkpoint-N_prefillL.jsonl files"
            raise InputError("the run has no evaluations", path=self.path / "evals", remedy=remedy)
        return self.cells


def find_logprob_files(run_dir: Path | str, logprob_dirs: Sequence[Path | str] | None = None) -> dict[Cell, Path]:
    """Each cell's logprob file: in these folders, or else in those beside the run that belong to it.

    A folder belongs to the run that its run_info.json names (by the last part of `prefill_run_dir`); where that names none, to
    the run whose timestamp is in the folder's name; where that has none either, to the only run there is. Raises InputError for a
    folder that is missing or holds no such file, and for two files of the same cell.
    """
    if logprob_dirs is None:
        return _find_cell_files(list(_discover_logprob_dirs(Path(run_dir).absolute())), is_samples=False)
    folders = [Path(folder) for folder in logprob_dirs]
    for folder in folders:
        if not folder.is_dir():
            raise InputError("there is no such logprob folder", path=folder, remedy="correct logprob_dirs")
        if not _find_cell_files([folder], is_samples=False):
            raise InputError("the folder holds no checkpoint-N_prefillL.jsonl", path=folder, remedy="correct logprob_dirs")
    return _find_cell_files(folders, is_samples=False)


def _find_cell_files(folders: list[Path], *, is_samples: bool) -> dict[Cell, Path]:
    found: dict[Cell, Path] = {}
    for path in (path for folder in folders if folder.is_dir() for path in sorted(folder.iterdir())):
        match = _CELL_FILE.fullmatch(path.name)
        if match is None or bool(match[3]) is not is_samples or not path.is_file():
            continue
        cell = int(match[1]), int(match[2])
        if cell in found:
            problem = f"checkpoint {cell[0]} at level {cell[1]} is also in {found[cell]}"
            remedy = "keep one of the two" + (", or name the folders to read in logprob_dirs" if len(folders) > 1 else "")
            raise InputError(problem, path=path, remedy=remedy)
        found[cell] = path
    return dict(sorted(found.items()))


def _discover_logprob_dirs(run_dir: Path) -> Iterator[Path]:
    results = run_dir.parent.parent
    candidates = [
        *sorted((results / "logprob_analysis").glob("logprob-*")),
        *sorted((results / "full_analysis").glob("full_analysis-*/logprob")),
    ]
    return (folder for folder in candidates if _belongs(folder, run_dir))


def _belongs(folder: Path, run_dir: Path) -> bool:
    if owner := _read_owner(folder / "run_info.json"):
        return owner == run_dir.name
    stamp, run_stamp = _TIMESTAMP.search(folder.name), _TIMESTAMP.search(run_dir.name)
    if stamp is not None:
        return run_stamp is not None and run_stamp[0] in folder.name
    return not any((path / "evals").is_dir() for path in run_dir.parent.iterdir() if path.name != run_dir.name)


def _read_owner(run_info: Path) -> str | None:
    """The run that a logprob folder was computed for; None where it does not say."""
    try:
        named = json.loads(run_info.read_text(encoding="utf-8"))["prefill_run_dir"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Path(named).name if isinstance(named, str) and named else None

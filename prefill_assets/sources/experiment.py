"""An experiment: a run folder whose config.yaml is the source of truth."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from prefill_assets.errors import InputError
from prefill_assets.sources.run_folder import RunFolder
from prefill_assets.sources.settings import Settings

DEFAULT_LEVELS = (0, 10, 30, 100)
"""The spec's sweep, where neither the config nor the run's files name one."""
CONFIG_FILE = "config.yaml"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Experiment:
    """One sensitivity run. Its name is its folder's, and part of every key."""

    run_dir: Path
    settings: Settings
    evaluated_steps: frozenset[int] = frozenset()
    """Checkpoints that have been evaluated; their weights may be gone."""

    @property
    def name(self) -> str:
        return self.run_dir.name

    @property
    def config_path(self) -> Path:
        return self.run_dir / CONFIG_FILE

    @cached_property
    def checkpoint_dir(self) -> Path | None:
        return self.resolve(self.settings.checkpoint_dir) if self.settings.checkpoint_dir else None

    @cached_property
    def folder(self) -> RunFolder:
        """The files that the run came with."""
        return RunFolder(self.run_dir)

    @cached_property
    def eval_files(self) -> dict[tuple[int, int], Path]:
        """(checkpoint, level) of every result file that the run came with; a cell with a file is read, not generated."""
        return {cell: files.results for cell, files in self.folder.cells.items() if files.results}

    @cached_property
    def checkpoints(self) -> tuple[int, ...]:
        """Training steps, as configured or else as found: in the checkpoint folder, among result files, or evaluated before."""
        if self.settings.checkpoints is not None:
            return self.settings.checkpoints
        from prefill_assets.sources.checkpoint import list_checkpoints

        steps = {step for step, _ in self.eval_files} | self.evaluated_steps
        if self.checkpoint_dir is not None and not (steps and self._is_abandoned(self.checkpoint_dir)):
            steps |= set(list_checkpoints(self.checkpoint_dir))
        if not steps:
            raise self.complain(
                "names no checkpoints and none can be discovered", "checkpoint_dir", "set checkpoint_dir or checkpoints"
            )
        return tuple(sorted(steps))

    def _is_abandoned(self, folder: Path) -> bool:
        """Whether a checkpoint folder may be passed over: an imported run's that is gone, or one that was emptied."""
        return bool(self.eval_files) if not folder.is_dir() else not any(folder.glob("checkpoint-*"))

    @cached_property
    def levels(self) -> tuple[int, ...]:
        """Prefill levels in words, as configured or else as found among the result files."""
        if self.settings.prefill_tokens_sweep is not None:
            return self.settings.prefill_tokens_sweep
        return tuple(sorted({level for _, level in self.eval_files})) or DEFAULT_LEVELS

    @property
    def cells(self) -> list[tuple[int, int]]:
        """Every (checkpoint, level), checkpoint by checkpoint."""
        return [(step, level) for step in self.checkpoints for level in self.levels]

    def resolve(self, path: str) -> Path:
        """A path of the config: absolute, or from the config's folder, or from the nearest folder above it where it exists."""
        if Path(path).is_absolute():
            return Path(path)
        for base in (self.run_dir, *self.run_dir.parents):
            if (base / path).exists():
                return base / path
        return self.run_dir / path

    def complain(self, problem: str, key: str, remedy: str) -> InputError:
        """An error at the line of a config key."""
        return InputError(problem, path=self.config_path, line=read_key_lines(self.config_path).get(key, 1), remedy=remedy)


def load_experiment(run_dir: Path, overrides: Mapping[str, Any] | None = None) -> Experiment:
    """Read a run folder's config.yaml; `overrides` replace its keys. Raises InputError naming the file, line and remedy."""
    run_dir = Path(run_dir).absolute()
    path = run_dir / CONFIG_FILE
    if not run_dir.is_dir():
        raise InputError("no such run folder", path=run_dir, remedy="name a folder that holds config.yaml")
    if not _NAME.fullmatch(run_dir.name):
        raise InputError(
            f"{run_dir.name!r} cannot name an experiment",
            path=run_dir,
            remedy="use only letters, digits, '.', '_' and '-' in the folder's name",
        )
    if not path.is_file():
        raise InputError(
            "no config.yaml", path=run_dir, remedy="write one: checkpoint_dir, prefill_source and prefill_tokens_sweep are enough"
        )
    values = _read_mapping(path)
    replaced = {key: value for key, value in (overrides or {}).items() if value is not None}
    return Experiment(run_dir, _validate(path, values, replaced))


def read_key_lines(path: Path) -> dict[str, int]:
    """The 1-based line of every top-level key."""
    import yaml

    node = yaml.compose(path.read_text(encoding="utf-8"))
    if not isinstance(node, yaml.MappingNode):
        return {}
    return {str(key.value): key.start_mark.line + 1 for key, _ in node.value}


def _read_mapping(path: Path) -> dict[str, Any]:
    import yaml

    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise InputError(f"not YAML: {error.problem}", path=path, line=line, remedy="mend the line") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"not YAML: {error}", path=path, remedy="mend the file") from error
    if not isinstance(values, dict):
        raise InputError(
            "is not a mapping of keys to values", path=path, line=1, remedy="write lines like `prefill_tokens_sweep: 0,10,30,100`"
        )
    _check_keys(path)
    return values


def _check_keys(path: Path) -> None:
    """Refuse what YAML lets pass: a key that is no text, and one that stands there twice, of which the last would count."""
    import yaml

    seen: dict[str, int] = {}
    for key, _ in yaml.compose(path.read_text(encoding="utf-8")).value:
        line = key.start_mark.line + 1
        if key.tag not in ("tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"):
            raise InputError(f"key {key.value} is not text", path=path, line=line, remedy="name a key, in quotes if need be")
        if key.value in seen:
            first = f"{key.value} stands there twice, first in line {seen[key.value]}"
            raise InputError(first, path=path, line=line, remedy="keep one of them")
        seen[key.value] = line


def _validate(path: Path, values: dict[str, Any], replaced: dict[str, Any]) -> Settings:
    from pydantic import ValidationError

    try:
        return Settings(**{**values, **replaced})
    except ValidationError as error:
        first = error.errors()[0]
        key = str(first["loc"][0])
        message = first["msg"].removeprefix("Value error, ")
        if key in replaced:
            raise InputError(f"{key}: {message}", remedy=f"mend {key}, which replaces the one of {path}") from error
        raise InputError(f"{key}: {message}", path=path, line=read_key_lines(path).get(key), remedy=f"mend {key}") from error


def list_unknown_keys(experiment: Experiment) -> dict[str, str | None]:
    """Config keys that mean nothing to us, each with the known key that it resembles: a typo, or the spec's own bookkeeping."""
    known = list(Settings.model_fields)
    extra = experiment.settings.model_extra or {}
    return {key: next(iter(difflib.get_close_matches(key, known, 1, 0.8)), None) for key in extra}

"""What a run was: one immutable file for each run and experiment, written before the run's first partition of that experiment."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prefill_assets.redaction import hide_secrets

FOLDER = "runs"
BEGUN, ENDED = ".json", ".end"
NO_EXPERIMENT = "_"
"""Folder of the records that stand in for runs before there are any."""


def write_run_record(root: Path, run_id: str, facts: Mapping[str, Any]) -> None:
    """Say what a run is, once: a record that is there stays as it is, so that every partition of the run may call this.

    `facts` are those of `collect_run_facts`; `facts["experiment"]` names the experiment whose partitions the run is to write.
    Secrets in them are hidden. Raises KeyError without an experiment, OSError where the disk refuses.
    """
    _write_once(_find_path(root, run_id, facts["experiment"], BEGUN), {"run_id": run_id, **facts})


def write_run_end(root: Path, run_id: str, experiment: str, status: str) -> None:
    """Say how a run ended: `success`, `failed` or `canceled`. A run that was killed has no end, and its status stays NULL."""
    end = {"run_id": run_id, "experiment": experiment, "status": status, "finished_at": write_now()}
    _write_once(_find_path(root, run_id, experiment, ENDED), end)


def end_run(root: Path, run_id: str, status: str) -> None:
    """The same for every experiment that a run wrote partitions of."""
    for record in (root / FOLDER).glob(f"*/{run_id}{BEGUN}"):
        write_run_end(root, run_id, record.parent.name, status)


def create_empty_records(root: Path) -> None:
    """The two files that let the view `runs` read a warehouse without runs."""
    for suffix in (BEGUN, ENDED):
        _write_once(
            _find_path(root, NO_EXPERIMENT, NO_EXPERIMENT, suffix), {"run_id": NO_EXPERIMENT, "experiment": NO_EXPERIMENT}
        )


def write_now() -> str:
    """The time in UTC, ISO 8601, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _find_path(root: Path, run_id: str, experiment: str, suffix: str) -> Path:
    return root / FOLDER / experiment / f"{run_id}{suffix}"


def _write_once(path: Path, values: Mapping[str, Any]) -> None:
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}-{uuid.uuid4().hex[:8]}.draft")
    draft.write_text(json.dumps(hide_secrets(values), default=str, sort_keys=True) + "\n", encoding="utf-8")
    try:
        os.link(draft, path)  # the first of two writers wins
    except FileExistsError:
        pass
    except OSError:  # a file system without links: the last of two equal writers wins
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)

"""The folder that every run leaves: config.yaml, metadata.json and a status.json that tells the truth."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prefill_assets.environment import describe_environment
from prefill_assets.redaction import hide_secrets
from prefill_assets.runs.processes import identify_process, is_alive

PREFIX = "full_analysis-"


class RunRecord:
    """One `full_analysis-{timestamp}/`. Its status is "running" until `finish` says otherwise, and "killed" once found dead."""

    def __init__(self, parent: Path, config: Mapping[str, Any], project: Path):
        self.path = _make_folder(parent)
        self.began = time.monotonic()
        self.status: dict[str, Any] = {
            "status": "running",
            "pid": os.getpid(),
            "process": identify_process(),
            "started_at": _now(),
            "finished_at": None,
            "seconds": None,
            "steps": [],
            "error": None,
        }
        _write(self.path / "config.yaml", _to_yaml(hide_secrets(config)))
        self.metadata: dict[str, Any] = {"created_at": _now(), **describe_environment(project)}
        _write(self.path / "metadata.json", _to_json(hide_secrets(self.metadata)))
        self._save()

    def add_metadata(self, facts: Mapping[str, Any]) -> None:
        """What only the run's end knows."""
        self.metadata |= facts
        _write(self.path / "metadata.json", _to_json(hide_secrets(self.metadata)))

    def add_step(
        self, name: str, partitions: list[str], status: str, seconds: float, error: str | None, run_id: str | None
    ) -> None:
        step = {
            "step": name,
            "partitions": partitions,
            "status": status,
            "seconds": round(seconds, 3),
            "error": error,
            "run_id": run_id,
        }
        self.status["steps"].append(step)
        self._save()

    def finish(self, status: str, error: str | None = None) -> None:
        """`success`, `failed` or `interrupted`."""
        self.status |= {
            "status": status,
            "error": error,
            "finished_at": _now(),
            "seconds": round(time.monotonic() - self.began, 3),
        }
        self._save()

    def _save(self) -> None:
        _write(self.path / "status.json", _to_json(self.status))


def close_dead_records(parent: Path) -> list[Path]:
    """Set the status of records to "killed" whose process is gone."""
    closed = []
    for path in sorted(parent.glob(f"{PREFIX}*/status.json")):
        try:
            status = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            continue
        if status.get("status") == "running" and not is_alive(str(status.get("process") or status.get("pid") or 0)):
            status |= {"status": "killed", "error": "the process was killed before it could finish"}
            _write(path, _to_json(status))
            closed.append(path.parent)
    return closed


def _make_folder(parent: Path) -> Path:
    for attempt in range(100):
        suffix = f"-{attempt}" if attempt else ""
        path = parent / f"{PREFIX}{datetime.now(UTC).strftime('%Y%m%d-%H%M%S')}{suffix}"
        try:
            path.mkdir(parents=True)
            return path
        except FileExistsError:
            continue
    raise FileExistsError(parent)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _to_json(values: Any) -> str:
    return json.dumps(values, indent=2, default=str) + "\n"


def _to_yaml(values: Mapping[str, Any]) -> str:
    import yaml

    return yaml.safe_dump(json.loads(json.dumps(values, default=str)), sort_keys=False)


def _write(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)

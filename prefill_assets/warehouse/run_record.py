"""What a run was: one immutable file for each run and experiment, written before the run's first partition of that experiment."""

from __future__ import annotations

import json
import os
import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

FOLDER = "runs"
BEGUN, ENDED = ".json", ".end"
NO_EXPERIMENT = "_"
"""Folder of the records that stand in for runs before there are any."""
HIDDEN = "(hidden)"

_SECRET_KEY = re.compile(
    r"(^|[_.-])((api|access|private|secret|auth)[_.-]?key|token|secret|password|passwd|passphrase|credentials?|authorization|bearer)$",
    re.IGNORECASE,
)
_SECRET_TEXT = re.compile(
    r"""
    \b(hf_[A-Za-z0-9]{30,} | sk-[\w-]{32,} | gh[pousr]_[A-Za-z0-9]{30,} | github_pat_\w{30,} | glpat-[\w-]{20,})
    | (?<=://)[^/\s:@]+:[^/\s@]+(?=@)
    | (?P<option>--[\w-]*(key|token|secret|password)[\ =] | \b[A-Z0-9_]*(API_KEY|TOKEN|SECRET|PASSWORD)=)\S+
    """,
    re.VERBOSE,
)
"""Keys of services by their form, the user and password of a URL, and values of options in a command line."""


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


def create_empty_records(root: Path) -> None:
    """The two files that let the view `runs` read a warehouse without runs."""
    for suffix in (BEGUN, ENDED):
        _write_once(
            _find_path(root, NO_EXPERIMENT, NO_EXPERIMENT, suffix), {"run_id": NO_EXPERIMENT, "experiment": NO_EXPERIMENT}
        )


def hide_secrets(value: Any, key: str = "") -> Any:
    """A copy of plain values without what looks like a secret: by the name of its key, or by the form of a text."""
    if _SECRET_KEY.search(key) and isinstance(value, str | int | float) and value not in (None, "", False, True):
        return HIDDEN
    if isinstance(value, Mapping):
        return {str(name): hide_secrets(held, str(name)) for name, held in value.items()}
    if isinstance(value, list | tuple):
        return [hide_secrets(held, _name_option(before) or key) for before, held in zip((None, *value), value, strict=False)]
    return _SECRET_TEXT.sub(lambda found: (found["option"] or "") + HIDDEN, value) if isinstance(value, str) else value


def write_now() -> str:
    """The time in UTC, ISO 8601, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _name_option(argument: Any) -> str:
    """`api-key` of an argument `--api-key`, whose value is the next one."""
    return argument.lstrip("-") if isinstance(argument, str) and argument.startswith("--") else ""


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

"""The code, packages and machine that a process runs with, from a list of what may be shown."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

from prefill_assets import __version__

ENVIRONMENT_KEYS = ("CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS", "HF_HUB_OFFLINE", "LANG", "TZ", "PREFILL_DATA", "PREFILL_PROJECT")
"""The environment variables that a record may show; all others may hold secrets."""

GIT_SECONDS = 10


def describe_environment(project: Path) -> dict[str, Any]:
    """Versions and machine. What git says of `project` is None where it is no repository or has no commit, or git is missing."""
    from importlib.metadata import distributions

    torch = sys.modules.get("torch")
    commit = _ask_git(project, "rev-parse", "HEAD")
    changes = None if commit is None else _ask_git(project, "status", "--porcelain", "--untracked-files=no")
    return {
        "prefill_assets": __version__,
        "git_commit": commit,
        "git_has_changes": None if changes is None else changes != "",
        "command": describe_command(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu_count": os.cpu_count(),
        "cuda": torch.version.cuda if torch is not None else None,
        "environment": {key: os.environ[key] for key in ENVIRONMENT_KEYS if key in os.environ},
        "packages": dict(sorted((d.name, d.version) for d in distributions())),
    }


def describe_command() -> list[str]:
    """The words with which this process was started."""
    return [Path(sys.argv[0]).name, *sys.argv[1:]]


def _ask_git(project: Path, *arguments: str) -> str | None:
    try:
        found = subprocess.run(
            ["git", "-C", str(project), *arguments], capture_output=True, text=True, timeout=GIT_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return found.stdout.strip()

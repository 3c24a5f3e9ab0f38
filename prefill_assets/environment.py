"""The code, packages and machine that a process runs with, from a list of what may be shown."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

from prefill_assets import __version__

ENVIRONMENT_KEYS = ("CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS", "HF_HUB_OFFLINE", "LANG", "TZ", "PREFILL_DATA", "PREFILL_PROJECT")
"""The environment variables that a record may show; all others may hold secrets."""

GIT_SECONDS = 10
GPUS = Path("/proc/driver/nvidia/gpus")
"""What NVIDIA's driver says of each GPU, without starting anything on it."""


def describe_environment(project: Path) -> dict[str, Any]:
    """Versions and machine, without importing torch: it need not be loaded yet, or be used at all.

    What git says of `project` is None where it is no repository or has no commit, or git is missing. `cuda` is the version that
    torch was built for, `device` the machine's NVIDIA GPUs; None where there is none, or none is told of.
    """
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
        "cuda": _find_cuda(),
        "device": _list_gpus(),
        "environment": {key: os.environ[key] for key in ENVIRONMENT_KEYS if key in os.environ},
        "packages": dict(_list_packages()),
    }


@cache
def _list_packages() -> tuple[tuple[str, str], ...]:
    """Name and version of every distribution that is installed; a process does not see it change."""
    from importlib.metadata import distributions

    return tuple(sorted((d.name, d.version) for d in distributions()))


def describe_command() -> list[str]:
    """The words with which this process was started."""
    return [Path(sys.argv[0]).name, *sys.argv[1:]]


def _find_cuda() -> str | None:
    from importlib.util import find_spec

    spec = find_spec("torch")
    try:
        text = Path(str(spec and spec.origin)).with_name("version.py").read_text(encoding="utf-8")
    except OSError:
        return None
    found = re.search(r"^cuda\b.*= *['\"]([0-9.]+)['\"]", text, re.MULTILINE)
    return found[1] if found else None


def _list_gpus() -> str | None:
    """`2 x NVIDIA H200`, with several models parted by a semicolon."""
    texts = [path.read_text(encoding="utf-8", errors="replace") for path in sorted(GPUS.glob("*/information"))]
    models = Counter(found[1] for text in texts if (found := re.search(r"^Model:\s*(\S.*?)\s*$", text, re.MULTILINE)))
    return "; ".join(f"{count} x {model}" for model, count in models.items()) or None


def _ask_git(project: Path, *arguments: str) -> str | None:
    try:
        found = subprocess.run(
            ["git", "-C", str(project), *arguments], capture_output=True, text=True, timeout=GIT_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return found.stdout.strip()

"""Where djinn is: the interpreter that has it, its folder, and which version of its verification that is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from prefill_assets.errors import InputError
from prefill_assets.verification.source_hash import hash_sources

COMMIT = "8455a6a6387fa1a7f9cf54ddd230745bfe0e576d"
"""The commit of EleutherAI/djinn that this adapter was written against and tested with."""

INSTALL = (
    "install it in an environment of its own: python3.11 -m venv .venv-djinn && .venv-djinn/bin/pip install psutil && "
    f".venv-djinn/bin/pip install --no-deps git+https://github.com/EleutherAI/djinn@{COMMIT}, "
    "then set `djinn_python: .venv-djinn/bin/python` (or PREFILL_DJINN_PYTHON)"
)
PYTHON_VARIABLE = "PREFILL_DJINN_PYTHON"
JUDGING_FOLDERS = ("core", "sandbox", "verifiers")
PROBE_SECONDS = 60
PROBE = """
import importlib.util, json, os, sys
spec = importlib.util.find_spec("djinn")
folders = list(spec.submodule_search_locations or []) if spec else []
print(json.dumps({"prefix": sys.prefix, "base_prefix": sys.base_prefix, "path": sys.path, "version": list(sys.version_info[:2]),
    "executable": sys.executable, "real": os.path.realpath(sys.executable), "base": getattr(sys, "_base_executable", ""),
    "djinn": folders[0] if folders else None}))
"""


@dataclass(frozen=True)
class Installation:
    """An interpreter with djinn. `folders` are what it reads: interpreter, standard library, site-packages, djinn."""

    python: str
    folders: tuple[str, ...]
    djinn_folder: str
    version: str


def find_installation(python: str | None = None) -> Installation:
    """djinn of `python`, else of the interpreter that PREFILL_DJINN_PYTHON names, else of this one. Raises InputError."""
    chosen = python or os.environ.get(PYTHON_VARIABLE) or sys.executable
    return _probe(os.path.abspath(os.path.expanduser(chosen)))  # noqa: PTH100, PTH111 (a venv's python must not be resolved)


@cache
def _probe(python: str) -> Installation:
    try:
        done = subprocess.run(
            [python, "-I", "-c", PROBE], capture_output=True, text=True, timeout=PROBE_SECONDS, cwd="/", check=True
        )
        found = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise InputError(f"no Python runs there ({error})", path=python, remedy="set `djinn_python` to an interpreter") from error
    if found["djinn"] is None:
        raise InputError("this Python has no djinn-framework", path=python, remedy=INSTALL)
    djinn = Path(found["djinn"])
    if not (djinn / "sandbox" / "daemon_bridge.py").is_file():
        raise InputError(
            "this Python's package djinn is another project of that name (PyPI's djinn is a Tornado framework)",
            path=python,
            remedy=f"uninstall it there, then {INSTALL}",
        )
    return Installation(python, _list_folders(found), str(djinn), _hash_judging(djinn))


def _list_folders(found: dict) -> tuple[str, ...]:
    """Never a whole prefix, which may be a project with a .env and data in it: only the folders where Python keeps its own."""
    listed = [found["djinn"]]
    for prefix in dict.fromkeys([found["prefix"], found["base_prefix"]]):
        listed += [str(Path(prefix) / name) for name in ("bin", "lib", "lib64", "pyvenv.cfg")]
    for program in (found["executable"], found["real"], found["base"]):
        listed += [program, str(Path(program).resolve())] if program else []
    listed += [entry for entry in found["path"] if Path(entry).name in ("site-packages", "dist-packages")]
    existing = [folder for folder in dict.fromkeys(listed) if Path(folder).exists()]
    return tuple(f for f in existing if not any(Path(f) != Path(other) and Path(f).is_relative_to(other) for other in existing))


def _hash_judging(djinn: Path) -> str:
    """12 hex digits of the source files that decide verdicts."""
    return hash_sources(djinn, [file for folder in JUDGING_FOLDERS for file in sorted((djinn / folder).rglob("*.py"))])

"""What a sandbox shows of this machine's files: Python, its standard library and the C libraries under them, nothing else."""

from __future__ import annotations

import os
import sys
import sysconfig
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom")
TIME_ZONES = "/usr/share/zoneinfo"
LIBRARY_NAMES = ("libc.so", "libc-", "libm.so", "libm-", "ld-", "libpython")
PACKAGE_FOLDERS = ("site-packages", "dist-packages")


@dataclass(frozen=True)
class SandboxRoot:
    """Absolute paths. `shown` are files and folders to be read at their own place, `emptied` are folders in them that stay empty,
    `links` are symbolic links (place, target)."""

    shown: tuple[str, ...]
    emptied: tuple[str, ...]
    links: tuple[tuple[str, str], ...]
    devices: tuple[str, ...] = DEVICES

    def as_json(self) -> dict[str, Any]:
        """As the worker is told: `shown` from place to source, devices among them."""
        return {"shown": {path: path for path in (*self.shown, *self.devices)}, "emptied": self.emptied, "links": self.links}


def find_python() -> str:
    """The interpreter itself, also where we run from a virtual environment."""
    return os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable)


@cache
def find_sandbox_root() -> SandboxRoot:
    """What this interpreter needs, on this machine."""
    standard_library = [
        os.path.realpath(sysconfig.get_path(name, vars={"installed_base": sys.base_prefix, "platbase": sys.base_exec_prefix}))
        for name in ("stdlib", "platstdlib")
    ]
    is_own_tree = Path(standard_library[0]).parent not in (Path("/usr/lib"), Path("/lib"))
    folders = [str(Path(folder).parent) if is_own_tree else folder for folder in standard_library]
    folders += _find_library_folders()
    if Path(TIME_ZONES).is_dir():
        folders.append(TIME_ZONES)
    folders = list(dict.fromkeys(folders))
    shown = [folder for folder in folders if not _is_inside(folder, [other for other in folders if other != folder])]
    emptied = [str(Path(folder) / name) for folder in dict.fromkeys(standard_library) for name in PACKAGE_FOLDERS]
    links = [(name, str(Path(name).readlink())) for name in ("/lib", "/lib64") if Path(name).is_symlink()]
    loaders = [path for folder in ("/lib64", "/lib") if Path(folder).is_dir() for path in Path(folder).glob("ld-*.so*")]
    for loader in loaders:
        place = Path(os.path.realpath(loader.parent)) / loader.name
        if not _is_inside(str(place), shown):
            links.append((str(place), os.path.realpath(loader)))
    links.append(("/dev/shm", "/tmp"))
    return SandboxRoot(
        (*shown, find_python()),
        tuple(folder for folder in emptied if Path(folder).is_dir()),
        tuple(dict.fromkeys(links)),
    )


def _find_library_folders() -> list[str]:
    """Where the C library, the loader and, if it is shared, Python's library are, as this process has them mapped."""
    found = []
    for line in Path("/proc/self/maps").read_text().splitlines():
        path = line.split(maxsplit=5)[5:]
        if path and path[0].startswith("/") and Path(path[0]).name.startswith(LIBRARY_NAMES):
            found.append(os.path.realpath(Path(path[0]).parent))
    return list(dict.fromkeys(found))


def _is_inside(path: str, folders: list[str]) -> bool:
    return any(Path(path).is_relative_to(folder) for folder in folders)

"""The command line of a worker in each kind of isolation, and what it is shown of this machine's files."""

from __future__ import annotations

import json
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from prefill_assets.verification.djinn.installation import Installation

HERE = Path(__file__).parent
VERIFICATION = HERE.parent
PACKAGE = VERIFICATION.parent
SYSTEM_FOLDERS = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime")
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
WORKER_FOLDER = "/worker"
WORKER_FILES = ("djinn/inside", "child/system_calls.py")
"""What the worker runs, in our folder `verification`."""
KEPT_FOLDER = "/kept"
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": "/tmp"}
BUBBLEWRAP, NAMESPACES, PLAIN = "bubblewrap", "namespaces", "plain"


@dataclass(frozen=True)
class ShownFiles:
    """What a worker sees, all of it read-only: `bound` and `links` from place to source, `emptied` folders in them, and `kept`,
    the folders under /tmp with the place where a daemon finds them again under its own /tmp."""

    bound: dict[str, str]
    links: dict[str, str]
    emptied: tuple[str, ...]
    kept: dict[str, str]

    @property
    def parents(self) -> list[str]:
        """Folders to be made for the places."""
        return sorted({str(parent) for place in self.bound for parent in Path(place).parents} - {"/", "/tmp", "/usr"})


def list_isolations() -> list[str]:
    """Those to try on this machine, the strongest first; not `plain`."""
    if sys.platform != "linux":
        return []
    return [BUBBLEWRAP, NAMESPACES] if shutil.which("bwrap") else [NAMESPACES]


def write_command(isolation: str, installation: Installation) -> list[str]:
    """The command that starts a worker. As root it keeps the rights that setting up daemons takes."""
    if isolation == PLAIN:
        return _write_python(installation, "judge", str(PACKAGE), PLAIN, "{}")
    shown = find_shown_files(installation)
    worker = _write_python(installation, "judge", WORKER_FOLDER, "isolated", json.dumps(shown.kept))
    if isolation == BUBBLEWRAP:
        return [*_write_bubblewrap(shown), "--", *worker]
    root = {
        "shown": {**shown.bound, **{device: device for device in DEVICES}},
        "emptied": [*shown.emptied, "/dev/shm"],
        "links": list(shown.links.items()),
    }
    return _write_python(installation, "outer_namespaces", str(PACKAGE), json.dumps({"root": root, "command": worker}))


def find_shown_files(installation: Installation) -> ShownFiles:
    """System libraries and programs, the interpreter and its packages, and the worker's own code; not the rest of our package."""
    in_tmp = [folder for folder in installation.folders if Path(folder).is_relative_to("/tmp") and Path(folder).is_dir()]
    kept = {folder: f"{KEPT_FOLDER}/{number}" for number, folder in enumerate(in_tmp)}
    links = {folder: str(Path(folder).readlink()) for folder in SYSTEM_FOLDERS if Path(folder).is_symlink()}
    bound = {folder: folder for folder in SYSTEM_FOLDERS if Path(folder).exists() and folder not in links}
    others = [folder for folder in installation.folders if not any(map(Path(folder).is_relative_to, SYSTEM_FOLDERS))]
    bound |= {folder: folder for folder in others}
    bound |= {copy: folder for folder, copy in kept.items()}
    emptied = [str(place / PACKAGE.relative_to(source)) for place, source in _as_paths(bound) if PACKAGE.is_relative_to(source)]
    bound |= {f"{WORKER_FOLDER}/verification/{name}": str(VERIFICATION / name) for name in WORKER_FILES}
    return ShownFiles(bound, links, tuple(emptied), kept)


def _as_paths(bound: dict[str, str]) -> list[tuple[Path, Path]]:
    return [(Path(place), Path(source)) for place, source in bound.items()]


def _write_python(installation: Installation, module: str, folder: str, *arguments: str) -> list[str]:
    load = f"from verification.djinn.inside.{module} import main"
    code = f"import sys; sys.path.append(sys.argv[1]); {load}; sys.path.pop(); main(sys.argv[2:])"
    return [installation.python, "-I", "-B", "-c", code, folder, *arguments]


def _write_bubblewrap(shown: ShownFiles) -> list[str]:
    command = ["bwrap", "--die-with-parent", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"]
    command += ["--cap-add", "ALL"] if os.geteuid() == 0 else ["--unshare-user"]
    command += ["--clearenv", *(word for name, value in ENVIRONMENT.items() for word in ("--setenv", name, value))]
    command += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]
    for place, target in shown.links.items():
        command += ["--symlink", target, place]
    for parent in shown.parents:
        command += ["--perms", "0755", "--dir", parent]
    for place, source in shown.bound.items():
        command += ["--ro-bind", source, place]
    for folder in shown.emptied:
        command += ["--tmpfs", folder]
    return [*command, "--remount-ro", "/dev", "--remount-ro", "/tmp", "--remount-ro", "/", "--chdir", "/"]

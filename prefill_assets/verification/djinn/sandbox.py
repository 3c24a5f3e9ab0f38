"""The command line of a worker inside bubblewrap."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

from prefill_assets.verification.djinn.installation import Installation

HERE = Path(__file__).parent
PACKAGE = HERE.parent.parent
SYSTEM_FOLDERS = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime")
WORKER_FOLDER = "/worker"
KEPT_FOLDER = "/kept"
BOOTSTRAP = "import sys; sys.path.append(sys.argv[1]); from inside.judge import main; sys.path.pop(); main(sys.argv[2:])"
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": "/tmp"}


def find_bubblewrap() -> str | None:
    return shutil.which("bwrap") if sys.platform == "linux" else None


def write_plain_command(installation: Installation, index: int) -> list[str]:
    """A worker without any sandbox."""
    return [installation.python, "-I", "-B", "-c", BOOTSTRAP, str(HERE), str(index), "plain", "{}"]


def write_command(bubblewrap: str, installation: Installation, index: int) -> list[str]:
    """A worker that sees the system's libraries, the interpreter and its packages, read-only, and an empty /tmp; no network.

    As root it keeps the rights that setting up each daemon's namespaces takes; the daemons have none.
    """
    in_tmp = [folder for folder in installation.folders if Path(folder).is_relative_to("/tmp") and Path(folder).is_dir()]
    kept = {folder: f"{KEPT_FOLDER}/{number}" for number, folder in enumerate(in_tmp)}
    command = [bubblewrap, "--die-with-parent", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"]
    command += ["--cap-add", "ALL"] if os.geteuid() == 0 else ["--unshare-user"]
    command += ["--clearenv", *(word for name, value in ENVIRONMENT.items() for word in ("--setenv", name, value))]
    command += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]
    for folder in filter(os.path.islink, SYSTEM_FOLDERS):
        command += ["--symlink", str(Path(folder).readlink()), folder]
    bound = {folder: folder for folder in SYSTEM_FOLDERS if Path(folder).exists() and not Path(folder).is_symlink()}
    bound |= {folder: folder for folder in installation.folders if not Path(folder).is_relative_to("/usr")}
    bound |= {copy: folder for folder, copy in kept.items()} | {f"{WORKER_FOLDER}/inside": str(HERE / "inside")}
    for parent in sorted(
        {parent for target in bound for parent in Path(target).parents} - {Path("/"), Path("/tmp"), Path("/usr")}
    ):
        command += ["--perms", "0755", "--dir", str(parent)]
    for target, folder in bound.items():
        command += ["--ro-bind", folder, target]
    if any(PACKAGE.is_relative_to(folder) for folder in installation.folders) or PACKAGE.is_relative_to("/usr"):
        command += ["--tmpfs", str(PACKAGE)]
    command += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/"]
    python = [installation.python, "-I", "-B", "-c", BOOTSTRAP, WORKER_FOLDER, str(index), "isolated", json.dumps(kept)]
    return [*command, "--", *python]

"""How much stands between submissions and this machine: which level works here, and how a worker is started in it."""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
from functools import cache
from pathlib import Path
from typing import Any

from prefill_assets.errors import InputError
from prefill_assets.verification.sandbox_root import SandboxRoot, find_python, find_sandbox_root

HERE = Path(__file__).parent
BUBBLEWRAP, NAMESPACES, PLAIN = "bubblewrap", "namespaces", "plain"
ISOLATED = (BUBBLEWRAP, NAMESPACES)
EACH_JOB = "processes, files, IPC and /tmp of each submission's own, no network, system call filter"
DESCRIPTIONS = {
    BUBBLEWRAP: f"sandboxed by bubblewrap and Linux namespaces ({EACH_JOB})",
    NAMESPACES: f"sandboxed by Linux namespaces ({EACH_JOB})",
    PLAIN: "NOT SANDBOXED: resource limits only",
}
REMEDY = (
    "install bubblewrap (`apt install bubblewrap`) and allow unprivileged user namespaces, or use a container that may; "
    "to run model-written code with the rights of this user, set `allow_unsandboxed: true` for the experiment"
)
BOOTSTRAP = "import sys; sys.path.insert(0, sys.argv[1]); from child.worker import main; sys.path.pop(0); main(*sys.argv[2:])"
OWN_FOLDER = "/verifier"
FIRST_UID, UIDS_OF_PROCESS = 1 << 30, 64
FIRST_UID_OF_FEW, UIDS_OF_FEW = 40_000, 20_000
OWN_COUNT_SINCE = (5, 14)
"""The Linux version from which the limit on processes counts those of the user namespace alone."""


def build_command(level: str, mode: str, index: int) -> list[str]:
    """The command that starts worker number `index` of this process."""
    from prefill_assets.verification.rehearsal import make_rehearsal

    python = [find_python(), "-I", "-S", "-c", BOOTSTRAP]
    settings: dict[str, Any] = {
        "rehearsal": json.dumps(make_rehearsal(mode)),
        "level": level,
        "job_uid": _choose_job_uid(index, level),
        "counted_processes": _count_processes(level),
        "root": None,
        "own_folder": None,
    }
    if level == BUBBLEWRAP:
        settings["own_folder"] = f"{OWN_FOLDER}/child"
        return [*_build_bubblewrap(find_sandbox_root()), *python, OWN_FOLDER, mode, json.dumps(settings)]
    if level == NAMESPACES:
        settings["root"] = find_sandbox_root().as_json()
    return [*python, str(HERE), mode, json.dumps(settings)]


def _build_bubblewrap(root: SandboxRoot) -> list[str]:
    capabilities = ["SYS_ADMIN", "SETUID", "SETGID", "KILL", "SYS_RESOURCE"]
    places = [*root.shown, *root.devices, *(place for place, _ in root.links), f"{OWN_FOLDER}/child"]
    parents = {str(parent) for place in places for parent in Path(place).parents} - {"/"}
    return [
        str(shutil.which("bwrap")),
        *("--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try", "--hostname", "sandbox"),
        *([] if os.geteuid() == 0 else ["--unshare-user"]),
        *("--as-pid-1", "--die-with-parent", "--new-session"),
        *("--cap-drop", "ALL", *(text for name in capabilities for text in ("--cap-add", f"CAP_{name}"))),
        *(text for parent in sorted(parents) for text in ("--dir", parent)),
        *(text for path in root.shown for text in ("--ro-bind", path, path)),
        *(text for path in root.emptied for text in ("--size", "4096", "--tmpfs", path, "--remount-ro", path)),
        *(text for place, target in root.links for text in ("--symlink", target, place)),
        *(text for path in root.devices for text in ("--dev-bind", path, path)),
        *("--dir", "/tmp", "--proc", "/proc", "--ro-bind", str(HERE / "child"), f"{OWN_FOLDER}/child"),
        *("--remount-ro", "/", "--chdir", "/", "--"),
    ]


def _choose_job_uid(index: int, level: str) -> int | None:
    """Whom root's jobs become: each worker has its own user, as processes are counted by user. None where we are not root."""
    if os.geteuid() != 0 or (level == PLAIN and not _is_readable_by_others(Path(os.path.realpath(os.__file__)).parent)):
        return None
    if sum(int(line.split()[2]) for line in Path("/proc/self/uid_map").read_text().splitlines()) > FIRST_UID * 3:
        return FIRST_UID + os.getpid() * UIDS_OF_PROCESS + index % UIDS_OF_PROCESS
    return FIRST_UID_OF_FEW + (os.getpid() * 7 + index) % UIDS_OF_FEW


def _is_readable_by_others(folder: Path) -> bool:
    return all(step.stat().st_mode & 1 for step in (folder, *folder.parents))


def _count_processes(level: str) -> int:
    """Processes of ours that the limit of a job counts with its own."""
    if os.geteuid() == 0:
        return 0
    version = tuple(int(part) for part in platform.release().split("-")[0].split(".")[:2] if part.isdigit())
    if level in ISOLATED and version >= OWN_COUNT_SINCE:
        return 2
    return _count_own_tasks()


def _count_own_tasks() -> int:
    tasks = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if folder.stat().st_uid == os.getuid():
                tasks += len(list((folder / "task").iterdir()))
        except OSError:
            continue
    return tasks


def choose_level(allow_unsandboxed: bool) -> str:
    """The strongest level that works here. Raises InputError where none isolates and `allow_unsandboxed` is false."""
    problems = []
    for level in ISOLATED:
        problem = find_problem(level)
        if problem is None:
            return level
        problems.append(f"{level}: {problem}")
    if allow_unsandboxed:
        return PLAIN
    raise InputError(f"this machine offers no sandbox for model-written code ({'; '.join(problems)})", remedy=REMEDY)


@cache
def find_problem(level: str) -> str | None:
    """Why a level cannot be used here, or None. Found by running a job in it, once a process."""
    from prefill_assets.verification.crew import WorkerError
    from prefill_assets.verification.worker_process import WorkerProcess

    if level == BUBBLEWRAP and shutil.which("bwrap") is None:
        return "bwrap is not installed"
    if level in ISOLATED and sys.platform != "linux":
        return "it needs Linux"
    if level in ISOLATED and any(Path(path).is_relative_to("/tmp") for path in find_sandbox_root().shown):
        return "Python is installed under /tmp, which is empty for every submission"
    try:
        worker = WorkerProcess("secure", 0, level)
    except WorkerError as error:
        return str(error)
    try:
        ending = worker.run(PROBE)
        return None if ending.how == "exited" and ending.payload else ending.detail or ending.how
    except WorkerError as error:
        return str(error)
    finally:
        worker.close()


PROBE = {
    "code": "def probe(): return 1",
    "function_name": "probe",
    "inputs": [None],
    "import_seconds": 10,
    "test_seconds": 10,
    "wall_seconds": 20,
    "result_bytes": 4096,
    "limits": {"memory_mib": 3000, "file_mib": 1, "open_files": 64, "processes": 32},
}

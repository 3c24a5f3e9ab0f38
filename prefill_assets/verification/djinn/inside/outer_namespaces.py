"""Where bubblewrap is missing: the worker's own namespaces and root folder, by system calls."""

from __future__ import annotations

import ctypes
import json
import os
import signal
from pathlib import Path
from typing import Any

from . import isolation
from .isolation import call, control_process, mount

NEW_NETWORK, NEW_UTS = 0x40000000, 0x04000000
PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
"""The number of a system call that the C library does not offer."""

MOUNT_SETATTR = 442
AT_FDCWD, AT_RECURSIVE, MOUNT_ATTR_RDONLY, DETACH = -100, 0x8000, 0x1, 2
DEVICES = ("null", "zero", "full", "random", "urandom")


def main(arguments: list[str]) -> None:
    """`arguments`: the plan as JSON (see `sandbox.write_command`). Becomes the worker, or says on stdout why not."""
    plan = json.loads(arguments[0])
    try:
        if os.uname().machine not in PIVOT_ROOT:
            raise OSError(f"bubblewrap is needed on {os.uname().machine}")
        control_process(isolation.PR_SET_PDEATHSIG, signal.SIGKILL)
        uid, gid = os.getuid(), os.getgid()
        call(
            "unshare",
            isolation.NEW_MOUNT
            | NEW_NETWORK
            | isolation.NEW_IPC
            | NEW_UTS
            | isolation.NEW_PID
            | (0 if uid == 0 else isolation.NEW_USER),
        )
        if uid != 0:
            isolation.map_user(uid, gid)
        worker = os.fork()
        if worker:
            os.waitpid(worker, 0)
            os._exit(0)
        control_process(isolation.PR_SET_PDEATHSIG, signal.SIGKILL)
        _enter_new_root(plan)
        os.execv(plan["command"][0], plan["command"])
    except OSError as error:
        print(json.dumps({"error": f"no namespaces ({error})"}), flush=True)
        os._exit(1)


def _enter_new_root(plan: dict[str, Any]) -> None:
    mount(None, "/", None, isolation.MS_REC | isolation.MS_PRIVATE)
    mount("tmpfs", "/tmp", "tmpfs", isolation.MS_NOSUID | isolation.MS_NODEV, "size=1m,mode=755")
    for name in ("old", "new"):
        Path("/tmp", name).mkdir(mode=0o755)
    _pivot("/tmp", "/tmp/old")
    mount("/new", "/new", None, isolation.MS_BIND)
    Path("/new/tmp").mkdir()
    mount("tmpfs", "/new/tmp", "tmpfs", isolation.MS_NOSUID | isolation.MS_NODEV, "size=1m,mode=1777")
    for parent in (*plan["parents"], "/proc", "/dev"):
        Path(f"/new{parent}").mkdir(parents=True, exist_ok=True)
    for place, target in plan["links"].items():
        Path(f"/new{place}").symlink_to(target)
    for place, source in plan["bound"].items():
        _bind(f"/old{source}", f"/new{place}")
    for folder in plan["emptied"]:
        mount("tmpfs", f"/new{folder}", "tmpfs", isolation.MS_NOSUID | isolation.MS_NODEV, "size=4k,mode=755")
    for name in DEVICES:
        _bind(f"/old/dev/{name}", f"/new/dev/{name}")
    Path("/new/dev/shm").mkdir()
    read_only = (ctypes.c_uint64 * 4)(MOUNT_ATTR_RDONLY, 0, 0, 0)
    call("syscall", MOUNT_SETATTR, AT_FDCWD, b"/new", AT_RECURSIVE, ctypes.byref(read_only), ctypes.c_size_t(32))
    mount("proc", "/new/proc", "proc", isolation.MS_NOSUID | isolation.MS_NODEV | isolation.MS_NOEXEC)
    os.chdir("/new")
    _pivot(".", ".")
    call("umount2", b".", DETACH)
    os.chdir("/")


def _bind(source: str, place: str) -> None:
    if Path(source).is_dir():
        Path(place).mkdir(parents=True, exist_ok=True)
    else:
        Path(place).touch()
    mount(source, place, None, isolation.MS_BIND | isolation.MS_REC)


def _pivot(root: str, old: str) -> None:
    call("syscall", PIVOT_ROOT[os.uname().machine], root.encode(), old.encode())

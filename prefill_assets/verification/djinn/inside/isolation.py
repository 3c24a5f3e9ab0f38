"""A djinn daemon's own user, process, mount and IPC namespaces, by system calls."""

from __future__ import annotations

import os
import resource
import signal
from pathlib import Path

from ...child.system_calls import (
    MS_BIND,
    MS_NODEV,
    MS_NOEXEC,
    MS_NOSUID,
    MS_PRIVATE,
    MS_REC,
    NEW_IPC,
    NEW_MOUNT,
    NEW_PID,
    PR_SET_NO_NEW_PRIVS,
    PR_SET_PDEATHSIG,
    control_process,
    drop_capabilities,
    mount,
    unshare,
)

FIRST_UID, UIDS = 20_000, 40_000
"""As root, every worker's daemons are a user drawn from these, so that no other's processes count in their limit."""

MIB = 1 << 20
LIMITS = {
    resource.RLIMIT_NPROC: 128,
    resource.RLIMIT_FSIZE: 64 * MIB,
    resource.RLIMIT_AS: 6000 * MIB,
    resource.RLIMIT_CORE: 0,
}
"""Beside djinn's own 3000 MiB, which it enforces by polling in the secure mode."""


def enter_namespaces() -> None:
    """The process namespace begins with the next fork. Raises OSError where the system refuses."""
    unshare(NEW_MOUNT | NEW_IPC | NEW_PID)


def mount_private_folders(kept: dict[str, str]) -> None:
    """An empty /tmp and /dev/shm, and a /proc of this namespace. `kept` maps folders under /tmp to copies that lie elsewhere."""
    mount(None, "/", None, MS_REC | MS_PRIVATE)
    mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "size=256m,nr_inodes=16384,mode=1777")
    for folder, copy in kept.items():
        Path(folder).mkdir(parents=True, exist_ok=True)
        mount(copy, folder, None, MS_BIND | MS_REC)
    mount("tmpfs", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "size=64m,nr_inodes=1024,mode=1777")
    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)


def draw_uid() -> int:
    return FIRST_UID + int.from_bytes(os.urandom(4), "big") % UIDS


def drop_rights(uid: int) -> None:
    """From root to `uid`, from an ordinary user to no capability; then the limits, and the first place where memory runs out."""
    Path("/proc/self/oom_score_adj").write_text("1000")
    if os.getuid() == 0:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    else:
        drop_capabilities()
    control_process(PR_SET_NO_NEW_PRIVS, 1)
    control_process(PR_SET_PDEATHSIG, signal.SIGKILL)
    apply_limits()


def apply_limits() -> None:
    for kind, value in LIMITS.items():
        hard = resource.getrlimit(kind)[1]
        allowed = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (allowed, allowed))

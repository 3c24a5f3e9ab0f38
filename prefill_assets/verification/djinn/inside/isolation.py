"""A djinn daemon's own user, process, mount and IPC namespaces, by system calls."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
from pathlib import Path

NEW_MOUNT, NEW_IPC, NEW_USER, NEW_PID = 0x00020000, 0x08000000, 0x10000000, 0x20000000
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND, MS_REC, MS_PRIVATE = 0x2, 0x4, 0x8, 0x1000, 0x4000, 0x40000
PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS = 1, 38
CAPABILITY_VERSION_3 = 0x20080522
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

LIBC = ctypes.CDLL(None, use_errno=True)


def enter_namespaces() -> None:
    """The process namespace begins with the next fork. Raises OSError where the system refuses."""
    uid, gid = os.getuid(), os.getgid()
    call("unshare", NEW_MOUNT | NEW_IPC | NEW_PID | (0 if uid == 0 else NEW_USER))
    if uid != 0:
        map_user(uid, gid)


def map_user(uid: int, gid: int) -> None:
    """In a new user namespace: stay who we are."""
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")


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
        header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
        call("capset", ctypes.byref(header), ctypes.byref((ctypes.c_uint32 * 6)()))
    control_process(PR_SET_NO_NEW_PRIVS, 1)
    control_process(PR_SET_PDEATHSIG, signal.SIGKILL)
    apply_limits()


def apply_limits() -> None:
    for kind, value in LIMITS.items():
        hard = resource.getrlimit(kind)[1]
        allowed = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (allowed, allowed))


def control_process(option: int, value: int) -> None:
    call("prctl", option, ctypes.c_ulong(value), ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0))


def mount(source: str | None, target: str, kind: str | None, flags: int, options: str = "") -> None:
    texts = [None if text is None else text.encode() for text in (source, target, kind)]
    try:
        call("mount", *texts, ctypes.c_ulong(flags), options.encode() or None)
    except OSError as error:
        raise OSError(error.errno, f"{error.strerror} ({target})") from error


def call(name: str, *arguments: object) -> None:
    if getattr(LIBC, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")

"""Calls of the C library that Python's standard library lacks."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

NEW_MOUNT, NEW_UTS, NEW_IPC, NEW_USER, NEW_PID, NEW_NETWORK = (
    0x00020000,
    0x04000000,
    0x08000000,
    0x10000000,
    0x20000000,
    0x40000000,
)
SHARE_MEMORY, SHARE_FILES = 0x100, 0x400
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 2, 4, 8, 0x20, 0x1000, 0x4000, 0x40000
UMOUNT_DETACH = 2
PR_SET_PDEATHSIG, PR_SET_SECCOMP, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 22, 36, 38
CAPABILITY_VERSION_3 = 0x20080522
LIBC = ctypes.CDLL(None, use_errno=True)
if sys.platform == "linux":
    LIBC.prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]
FORK = ctypes.PyDLL(None, use_errno=True).fork


def fork_quickly() -> int:
    """fork without what Python runs after it (locks that no other thread holds here, new random seeds): each page that a child
    writes to is copied, which is most of what a job costs. Raises OSError."""
    child = FORK()
    if child < 0:
        raise OSError(ctypes.get_errno(), f"fork: {os.strerror(ctypes.get_errno())}")
    return child


def call(name: str, *arguments: object) -> int:
    """Call a function of the C library. Raises OSError where it fails or is missing."""
    function = getattr(LIBC, name, None)
    if function is None:
        raise OSError(f"this system has no {name}")
    result = function(*arguments)
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
    return result


def control_process(option: int, *values: int) -> None:
    """prctl, where there is one."""
    if sys.platform == "linux" and LIBC.prctl(option, *(*values, 0, 0, 0, 0)[:4]) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {option}: {os.strerror(ctypes.get_errno())}")


def unshare(namespaces: int) -> None:
    """Enter new namespaces; unless we are root, in a user namespace of our own, where we stay who we are. A new process namespace
    begins with the next fork. Raises OSError where the system refuses."""
    uid, gid = os.getuid(), os.getgid()
    is_root = os.geteuid() == 0
    call("unshare", namespaces | (0 if is_root else NEW_USER))
    if not is_root:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")


def mount(source: str | None, target: str, kind: str | None, flags: int, options: str = "") -> None:
    texts = [None if text is None else text.encode() for text in (source, target, kind)]
    try:
        call("mount", *texts, ctypes.c_ulong(flags), options.encode() or None)
    except OSError as error:
        raise OSError(error.errno, f"{error.strerror} ({target})") from error


def unmount(target: str) -> None:
    """Take a mount out of the tree; what is open in it stays usable."""
    call("umount2", target.encode(), UMOUNT_DETACH)


def drop_capabilities() -> None:
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    call("capset", ctypes.byref(header), ctypes.byref((ctypes.c_uint32 * 6)()))

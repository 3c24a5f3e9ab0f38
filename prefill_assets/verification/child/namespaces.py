"""Linux namespaces, by system calls: those of a worker where no tool makes them, and those of each job."""

from __future__ import annotations

import ctypes
import mmap
import os
import signal
import socket
import stat
from pathlib import Path
from typing import Any

from .system_calls import (
    LIBC,
    MS_BIND,
    MS_NODEV,
    MS_NOEXEC,
    MS_NOSUID,
    MS_PRIVATE,
    MS_REC,
    NEW_IPC,
    NEW_MOUNT,
    NEW_NETWORK,
    NEW_PID,
    NEW_UTS,
    PR_SET_PDEATHSIG,
    SHARE_FILES,
    SHARE_MEMORY,
    call,
    control_process,
    fork_quickly,
    mount,
    unmount,
    unshare,
)

MOUNT_SETATTR, AT_FDCWD, AT_RECURSIVE, MOUNT_ATTR_RDONLY = 442, -100, 0x8000, 0x1
STACK_BYTES = 1 << 16
SIGCHLD, IGNORED, DEFAULT = int(signal.SIGCHLD), 1, 0
FIRST_PROCESS = NEW_PID | SHARE_MEMORY | SHARE_FILES | SIGCHLD
PRIVATE_TMP = (b"tmpfs", b"/tmp", b"tmpfs", ctypes.c_ulong(MS_NOSUID | MS_NODEV), b"size=64m,nr_inodes=4096,mode=1777")
HOST_NAME = "sandbox"


def enter_worker_namespaces(root: dict[str, Any], has_writable_proc: bool = False) -> None:
    """Return as the first process of new namespaces (user, unless root; process, mount, network, IPC, host name) over a read-only
    `root`; the process that called stays outside and ends with the one that returns. Raises OSError where the system refuses.

    `root`: `shown` maps places to the files and folders that are seen there, `emptied` lists folders, `links` (place, target).
    To make user namespaces in these, as a process without root's rights must, `/proc` has to be writable.
    """
    unshare(NEW_MOUNT | NEW_NETWORK | NEW_IPC | NEW_UTS | NEW_PID)
    control_process(PR_SET_PDEATHSIG, signal.SIGKILL)
    inner = os.fork()
    if inner:
        os.closerange(0, 16)
        os.waitpid(inner, 0)
        os._exit(0)
    control_process(PR_SET_PDEATHSIG, signal.SIGKILL)
    socket.sethostname(HOST_NAME)
    mount(None, "/", None, MS_REC | MS_PRIVATE)
    _build_root(root, "/tmp")
    os.chdir("/tmp")
    call("pivot_root", b".", b"tmp")
    os.chdir("/")
    unmount("/tmp")
    _change_mounts("/", attributes_set=MOUNT_ATTR_RDONLY)
    if has_writable_proc:
        _change_mounts("/proc", attributes_cleared=MOUNT_ATTR_RDONLY)


def _change_mounts(place: str, attributes_set: int = 0, attributes_cleared: int = 0) -> None:
    """Of the mount at a place and those below it."""
    change = (ctypes.c_uint64 * 4)(attributes_set, attributes_cleared, 0, 0)
    call("syscall", MOUNT_SETATTR, AT_FDCWD, place.encode(), AT_RECURSIVE, ctypes.byref(change), ctypes.c_size_t(32))


def _build_root(root: dict[str, Any], at: str) -> None:
    flags = MS_NOSUID | MS_NODEV
    # opened first, as the new root may cover them
    sources = {place: os.open(path, os.O_PATH) for place, path in root["shown"].items()}
    mount("tmpfs", at, "tmpfs", flags, "size=1m,mode=755")
    for place, source in sources.items():
        _make_place(at + place, stat.S_ISDIR(os.fstat(source).st_mode))
        mount(f"/proc/self/fd/{source}", at + place, None, MS_BIND | MS_REC)
        os.close(source)
    for place in root["emptied"]:
        _make_place(at + place, is_folder=True)
        mount("tmpfs", at + place, "tmpfs", flags, "size=4k,mode=755")
    for place, target in root["links"]:
        Path(at + place).parent.mkdir(parents=True, exist_ok=True)
        Path(at + place).symlink_to(target)
    for folder in ("/tmp", "/proc"):
        _make_place(at + folder, is_folder=True)
    mount("proc", at + "/proc", "proc", flags | MS_NOEXEC)


def _make_place(place: str, is_folder: bool) -> None:
    Path(place).parent.mkdir(parents=True, exist_ok=True)
    if is_folder:
        Path(place).mkdir(exist_ok=True)
    else:
        Path(place).touch()


class ProcessNamespaces:
    """Makes a process namespace for each job, and ends it with all that runs in it.

    A namespace lives as long as its first process. That one only waits, and shares the memory of this process instead of copying
    it, which makes it cheap. Nothing in the namespace can end it, and it reaps what is left to it.
    """

    def __init__(self, proc: int):
        """`proc` is an open /proc of this process's own namespace."""
        self._proc = proc
        self._own = os.open("self/ns/pid", os.O_RDONLY, dir_fd=proc)
        self._stack = mmap.mmap(-1, STACK_BYTES)
        self._stack_top = ctypes.addressof(ctypes.c_char.from_buffer(self._stack)) + STACK_BYTES
        self._wait_for_ever = ctypes.cast(LIBC.pause, ctypes.c_void_p)
        LIBC.clone.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p]
        LIBC.signal.argtypes = [ctypes.c_int, ctypes.c_void_p]
        LIBC.signal.restype = ctypes.c_void_p

    def fork(self) -> tuple[int, int]:
        """Fork into a namespace of its own: (first process of the namespace, 0 in the child and its number in the parent)."""
        LIBC.signal(SIGCHLD, IGNORED)  # which the first process keeps: its children need no reaping
        first = LIBC.clone(self._wait_for_ever, self._stack_top, FIRST_PROCESS, None)
        LIBC.signal(SIGCHLD, DEFAULT)
        if first < 0:
            raise OSError(ctypes.get_errno(), "the job's process namespace cannot be made")
        try:
            namespace = os.open(f"{first}/ns/pid", os.O_RDONLY, dir_fd=self._proc)
            try:
                call("setns", namespace, NEW_PID)
            finally:
                os.close(namespace)
            child = fork_quickly()
            if child:
                call("setns", self._own, NEW_PID)
            return first, child
        except BaseException:
            self.end(first, None)
            raise

    def end(self, first: int, child: int | None) -> int:
        """Kill everything in the namespace, and return when all of it is gone, with the child's wait status.

        The first process ends when the others have, and the child, being ours, only when we have waited for it.
        """
        os.kill(first, signal.SIGKILL)
        status = 0 if child is None else os.waitpid(child, 0)[1]
        os.waitpid(first, 0)
        return status


def enter_job_namespaces() -> None:
    """Own mount and IPC namespaces, with a private, empty /tmp."""
    if LIBC.unshare(NEW_MOUNT | NEW_IPC) or LIBC.mount(*PRIVATE_TMP):
        raise OSError(ctypes.get_errno(), "the job's namespaces cannot be set up")

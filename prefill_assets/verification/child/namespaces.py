"""Linux namespaces for a worker and for each job, by system calls, so that no extra tool is needed."""

from __future__ import annotations

import ctypes
import os
import pwd
import stat
import sys
from pathlib import Path

NEW_MOUNT, NEW_IPC, NEW_USER, NEW_PID, NEW_NETWORK = 0x00020000, 0x08000000, 0x10000000, 0x20000000, 0x40000000
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND, MS_REC, MS_PRIVATE = 0x2, 0x4, 0x8, 0x1000, 0x4000, 0x40000
MOUNT_SETATTR, AT_FDCWD, AT_RECURSIVE, MOUNT_ATTR_RDONLY = 442, -100, 0x8000, 0x1
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 36, 38
CAPABILITY_VERSION_3 = 0x20080522
FIRST_WORKER_UID = 61000
SPARE_FOLDERS = ("/mnt", "/media", "/srv", "/opt")
LIBC = ctypes.CDLL(None, use_errno=True)


def call(name: str, *arguments: object) -> None:
    """Call a function of the C library. Raises OSError where it fails or is missing."""
    function = getattr(LIBC, name, None)
    if function is None:
        raise OSError(f"this system has no {name}")
    if function(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def control_process(option: int, value: int) -> None:
    """prctl, where there is one."""
    if sys.platform == "linux":
        call("prctl", option, ctypes.c_ulong(value), ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0))


def mount(source: str | None, target: str, kind: str | None, flags: int, options: str = "") -> None:
    texts = [None if text is None else text.encode() for text in (source, target, kind)]
    call("mount", *texts, ctypes.c_ulong(flags), options.encode() or None)


def enter_worker_namespaces(worker_index: int, hidden_folders: list[str]) -> int | None:
    """Give this process its own user (unless root), mount, network and IPC namespaces, over a read-only file system.

    Home and `hidden_folders` become empty. Returns the uid that jobs must change to, or None where they keep ours.
    Raises OSError where the system does not allow it.
    """
    is_root = os.geteuid() == 0
    uid, gid = os.getuid(), os.getgid()
    call("unshare", NEW_MOUNT | NEW_NETWORK | NEW_IPC | (0 if is_root else NEW_USER))
    if not is_root:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
    mount(None, "/", None, MS_REC | MS_PRIVATE)
    hidden = sorted({*_find_home(uid), *hidden_folders} - {"/"})
    _keep_standard_library([*hidden, "/tmp"])
    for folder in filter(os.path.isdir, hidden):
        mount("tmpfs", folder, "tmpfs", MS_NOSUID | MS_NODEV, "size=4k,mode=755")
    read_only = (ctypes.c_uint64 * 4)(MOUNT_ATTR_RDONLY, 0, 0, 0)
    call("syscall", MOUNT_SETATTR, AT_FDCWD, b"/", AT_RECURSIVE, ctypes.byref(read_only), ctypes.c_size_t(32))
    return FIRST_WORKER_UID + worker_index if is_root else None


def enter_job_namespaces() -> None:
    """Own process, mount and IPC namespaces; the process namespace begins with the next fork."""
    call("unshare", NEW_PID | NEW_MOUNT | NEW_IPC)


def mount_job_folders() -> None:
    """A private empty /tmp and a /proc that shows this job only. Call it as the first process of the job's namespaces."""
    mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "size=64m,nr_inodes=4096,mode=1777")
    try:
        mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    except OSError:
        mount("tmpfs", "/proc", "tmpfs", MS_NOSUID | MS_NODEV, "size=4k,mode=555")


def drop_privileges(uid: int | None) -> None:
    """Become `uid`, or stay and give up every capability; nothing started later can gain any."""
    if uid is not None:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    else:
        header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
        call("capset", ctypes.byref(header), ctypes.byref((ctypes.c_uint32 * 6)()))
    control_process(PR_SET_NO_NEW_PRIVS, 1)


def others_can_import() -> bool:
    """Whether a user without rights can read Python's standard library."""
    return _is_readable_by_others(Path(os.path.realpath(sys.base_prefix)))


def _find_home(uid: int) -> list[str]:
    try:
        return [pwd.getpwuid(uid).pw_dir]
    except KeyError:
        return []


def _keep_standard_library(hidden: list[str]) -> None:
    """Where Python lies in a folder that will be hidden or that others may not read, mount it elsewhere and import from there."""
    prefix = os.path.realpath(sys.base_prefix)
    is_hidden = any(Path(prefix).is_relative_to(os.path.realpath(folder)) for folder in hidden)
    if not is_hidden and others_can_import():
        return
    usable = [Path(folder) for folder in SPARE_FOLDERS if Path(folder).is_dir() and not Path(prefix).is_relative_to(folder)]
    if not usable:
        raise OSError(f"no folder of {', '.join(SPARE_FOLDERS)} exists to keep Python's standard library in")
    spare = usable[0]
    mount("tmpfs", str(spare), "tmpfs", MS_NOSUID | MS_NODEV, "size=64k,mode=755")
    copy = str(spare / "python")
    Path(copy).mkdir()
    mount(prefix, copy, None, MS_BIND | MS_REC)
    prefixes = {prefix, sys.base_prefix}
    sys.path[:] = [_move(entry, prefixes, copy) for entry in sys.path]
    for module in list(sys.modules.values()):
        folders = getattr(module, "__path__", None)
        if isinstance(folders, list):
            folders[:] = [_move(entry, prefixes, copy) for entry in folders]
    sys.path_importer_cache.clear()


def _move(entry: str, prefixes: set[str], target: str) -> str:
    for prefix in prefixes:
        if entry == prefix or entry.startswith(prefix + "/"):
            return target + entry[len(prefix) :]
    return entry


def _is_readable_by_others(folder: Path) -> bool:
    return all(step.stat().st_mode & stat.S_IXOTH for step in (folder, *folder.parents))

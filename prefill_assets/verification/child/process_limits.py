"""Resource limits and rights of the process that runs a submission; it holds nothing from us but its pipes."""

from __future__ import annotations

import math
import os
import resource
import signal
import sys
from typing import Any

from .system_calls import PR_SET_NO_NEW_PRIVS, PR_SET_PDEATHSIG, control_process

MIB = 1024 * 1024


def limit_cpu(wall_seconds: float) -> None:
    _set_limit(resource.RLIMIT_CPU, math.ceil(wall_seconds) + 1)


def apply_limits(limits: dict[str, Any], counted_processes: int) -> None:
    """Memory (MiB of address space), file size (MiB), open files, processes (and `counted_processes`); no core dumps."""
    memory_bytes = int(limits["memory_mib"]) * MIB
    file_bytes = int(limits["file_mib"]) * MIB
    wanted = {
        resource.RLIMIT_AS: memory_bytes,
        resource.RLIMIT_DATA: memory_bytes,
        resource.RLIMIT_FSIZE: file_bytes,
        resource.RLIMIT_NOFILE: int(limits["open_files"]),
        resource.RLIMIT_NPROC: int(limits["processes"]) + counted_processes,
        resource.RLIMIT_CORE: 0,
    }
    for kind, value in wanted.items():
        _set_limit(kind, value)


def _set_limit(kind: int, value: int) -> None:
    """Where the limit that we have ourselves is lower, that stays."""
    try:
        resource.setrlimit(kind, (value, value))
        return
    except (OSError, ValueError):
        pass
    hard = resource.getrlimit(kind)[1]
    allowed = value if hard == resource.RLIM_INFINITY else min(value, hard)
    try:
        resource.setrlimit(kind, (allowed, allowed))
    except (OSError, ValueError):
        if sys.platform == "linux":
            raise


def become_user(uid: int) -> None:
    """Change from root, in no groups, to a user without any rights."""
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def gain_no_privileges() -> None:
    """Nothing started later can gain any, as by a set-user-ID file."""
    control_process(PR_SET_NO_NEW_PRIVS, 1)


def die_with_parent() -> None:
    control_process(PR_SET_PDEATHSIG, signal.SIGKILL)


def detach_descriptors(kept: set[int]) -> None:
    """Standard streams to nowhere, every other descriptor closed, except those in `kept` (all above 2)."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    start = 3
    for descriptor in [*sorted(kept), resource.getrlimit(resource.RLIMIT_NOFILE)[0]]:
        os.closerange(start, min(descriptor, 65536))
        start = descriptor + 1

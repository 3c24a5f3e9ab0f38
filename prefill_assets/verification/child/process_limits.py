"""Resource limits of the process that runs a submission, and what it may hold from us: nothing but its result pipe."""

from __future__ import annotations

import math
import os
import resource
import sys
from typing import Any

MIB = 1024 * 1024


def apply_limits(limits: dict[str, Any], wall_seconds: float) -> None:
    """CPU (s), memory (MiB of address space), file size (MiB), open files, processes; no core dumps."""
    cpu_seconds = math.ceil(wall_seconds) + 1
    memory_bytes = int(limits["memory_mib"]) * MIB
    file_bytes = int(limits["file_mib"]) * MIB
    wanted = {
        resource.RLIMIT_CPU: cpu_seconds,
        resource.RLIMIT_AS: memory_bytes,
        resource.RLIMIT_DATA: memory_bytes,
        resource.RLIMIT_FSIZE: file_bytes,
        resource.RLIMIT_NOFILE: int(limits["open_files"]),
        resource.RLIMIT_NPROC: int(limits["processes"]),
        resource.RLIMIT_CORE: 0,
    }
    for kind, value in wanted.items():
        hard = resource.getrlimit(kind)[1]
        allowed = value if hard == resource.RLIM_INFINITY else min(value, hard)
        try:
            resource.setrlimit(kind, (allowed, allowed))
        except (OSError, ValueError):
            if sys.platform == "linux":
                raise


def detach_descriptors(kept: set[int]) -> None:
    """Standard streams to nowhere, every other descriptor closed, except those in `kept` (all above 2)."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    start = 3
    for descriptor in [*sorted(kept), resource.getrlimit(resource.RLIMIT_NOFILE)[0]]:
        os.closerange(start, min(descriptor, 65536))
        start = descriptor + 1

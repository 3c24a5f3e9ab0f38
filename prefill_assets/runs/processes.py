"""Processes, each told from every other that has its id: on another machine, or after a reboot, where ids begin anew."""

from __future__ import annotations

import os
from pathlib import Path

_BOOT = Path("/proc/sys/kernel/random/boot_id")


def identify_process(pid: int | None = None) -> str:
    """`PID HOST START BOOT` of a process, or of this one; without the last two where they cannot be read."""
    number = os.getpid() if pid is None else pid
    return " ".join(filter(None, (str(number), os.uname().nodename, _find_start(number))))


def is_alive(process: str) -> bool:
    """Whether the process of this identity runs; by its id alone, whether a process like ours has that.

    A process of another host, or of a container of another name, counts as alive: it cannot be seen from here.
    """
    pid, host, start = (*process.split(" ", 2), "", "")[:3]
    number = int(pid or 0)
    if host and host != os.uname().nodename:
        return True
    if number <= 0:
        return False
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    found = _find_start(number)
    return found == start if start and found else number == os.getpid() or _runs_python(number)


def _find_start(pid: int) -> str | None:
    """When a process began, in ticks since which boot; None where that cannot be read."""
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return "ended" if state in "ZX" else f"{fields[18]} {_BOOT.read_text(encoding='utf-8').strip()}"
    except (OSError, ValueError, IndexError):
        return None


def _runs_python(pid: int) -> bool:
    """Where that cannot be told, the process counts as ours."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return True
    return b"python" in command or b"prefill" in command

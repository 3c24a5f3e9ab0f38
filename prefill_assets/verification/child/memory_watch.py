"""The memory of all processes of a job together; each alone is bounded by its limit on address space."""

from __future__ import annotations

import os

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
MIB = 1024 * 1024


class MemoryWatch:
    """Adds up resident memory, less what every fork of this process begins with."""

    def __init__(self, proc: int):
        """`proc` is an open /proc that shows this process and its jobs."""
        self._proc = proc
        self._most_bytes = 0
        self._ours: set[int] = set()
        self._shared_bytes = self._read_resident_bytes("self")

    def start(self, most_mib: int, ours: set[int]) -> None:
        """Watch every process that is not among `ours`."""
        self._most_bytes, self._ours = most_mib * MIB, ours

    def is_exceeded(self) -> bool:
        total = 0
        for name in os.listdir(self._proc):  # noqa: PTH208  (it is an open folder)
            if name.isdigit() and int(name) not in self._ours:
                total += max(0, self._read_resident_bytes(name) - self._shared_bytes)
        return total > self._most_bytes

    def _read_resident_bytes(self, process: str) -> int:
        try:
            descriptor = os.open(f"{process}/statm", os.O_RDONLY, dir_fd=self._proc)
        except OSError:
            return 0
        try:
            return int(os.read(descriptor, 200).split()[1]) * PAGE_BYTES
        except (OSError, IndexError):
            return 0
        finally:
            os.close(descriptor)

"""Reading the next checkpoint's files while this one computes, so that its weights then come from memory."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from pathlib import Path

_BLOCK_BYTES = 16 << 20
_SHARE = 0.5
"""Of the memory that is available: more would push out what was read first."""


class PageWarmer:
    """A thread that reads files into the operating system's cache, which gives them up when memory is needed elsewhere."""

    def __init__(self, files: Sequence[Path]):
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read, args=(list(files),), name="page-warmer", daemon=True)
        self.read_bytes = 0
        self._thread.start()

    def _read(self, files: Sequence[Path]) -> None:
        block = bytearray(_BLOCK_BYTES)
        try:
            if sum(file.stat().st_size for file in files) > _SHARE * find_available_bytes():
                return
            for file in files:
                with file.open("rb", buffering=0) as stream:
                    while not self._stop.is_set() and (count := stream.readinto(block)):
                        self.read_bytes += count
        except OSError:
            return  # whoever opens the checkpoint says what is wrong with it

    def wait(self) -> None:
        self._thread.join()

    def stop(self) -> None:
        """Read no further; may be called twice."""
        self._stop.set()
        self._thread.join()


def find_available_bytes() -> int:
    """Memory that can be had without swapping: free, or holding cached files."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))

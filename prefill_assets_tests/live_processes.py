"""Which processes descend from a test, also those that were adopted by others: they carry a mark in their environment."""

from __future__ import annotations

import os
import time
from pathlib import Path

MARK = "PREFILL_TEST_MARK"
WAIT_SECONDS = 40.0


def list_marked(mark: str) -> dict[int, str]:
    """Process id and title of every living process that was started with MARK set to this, but for this one."""
    found = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit() or int(folder.name) == os.getpid():
            continue
        try:
            if f"{MARK}={mark}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                title = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
                if title:  # a zombie has none
                    found[int(folder.name)] = title
        except OSError:
            continue
    return found


def wait_for_the_end(mark: str) -> dict[int, str]:
    """What is left of them, once nothing is or the time is up."""
    deadline = time.monotonic() + WAIT_SECONDS
    while (left := list_marked(mark)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left

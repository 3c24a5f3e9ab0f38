"""How a job's result leaves its process: once, from the process that was started for it, in one piece."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

Report = Callable[[Any], None]


def make_reporter(descriptor: int, token: bytes) -> Report:
    """A function that writes one JSON result and ends this process. It holds what it needs, whatever a submission patches.

    A copy of the process that a submission forked may call it too: such a copy ends in silence.
    """
    write, end, get_pid, dump, owner = os.write, os._exit, os.getpid, json.dumps, os.getpid()

    def report(result: Any) -> None:
        if get_pid() != owner:
            end(0)
        view = memoryview(token + dump(result).encode())
        while view:
            view = view[write(descriptor, view) :]
        end(0)

    return report

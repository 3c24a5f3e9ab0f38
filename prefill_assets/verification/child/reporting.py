"""How results leave a job's process: as lines of JSON on its pipe, each of them begun with the job's token."""

from __future__ import annotations

import json
import os
from typing import Any, Protocol


class Report(Protocol):
    """Sends one JSON record and, unless `is_last` is false, ends the process."""

    def __call__(self, record: Any, is_last: bool = True) -> None: ...


def make_reporter(descriptor: int, token: bytes) -> Report:
    """A function that writes records. It holds what it needs, whatever a submission patches.

    A copy of the process that a submission forked may call it too: such a copy ends in silence.
    """
    write, end, get_pid, dump, owner = os.write, os._exit, os.getpid, json.dumps, os.getpid()

    def report(record: Any, is_last: bool = True) -> None:
        if get_pid() != owner:
            end(0)
        view = memoryview(token + dump(record).encode() + b"\n")
        while view:
            view = view[write(descriptor, view) :]
        if is_last:
            end(0)

    return report


def keep_genuine(written: bytes, token: bytes) -> tuple[bytes, bool]:
    """The complete lines that begin with the token, without it, up to the first that does not; and whether one did not."""
    *lines, rest = written.split(b"\n")
    genuine = []
    for line in lines:
        if not line.startswith(token):
            return b"".join(genuine), True
        genuine.append(line[len(token) :] + b"\n")
    return b"".join(genuine), not (rest.startswith(token) or token.startswith(rest))

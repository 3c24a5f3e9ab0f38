"""The warm worker: takes jobs on its standard input, forks a keeper for each, and answers on its standard output.

Frames are 4 bytes of length, then as many bytes. A job is one frame of JSON. An answer is one frame of JSON (job number, how it
ended, detail, seconds) and one frame with the payload. The first answer, before any job, tells what isolation there is.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import namespaces
from .keeper import Ending, Isolation, keep_job

Runner = Callable[[dict[str, Any], int, bytes], None]


def main(arguments: list[str]) -> None:
    """arguments: `secure` or `insecure`, worker index, `namespaces` or `plain`, then the folders to hide."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    namespaces.control_process(namespaces.PR_SET_PDEATHSIG, signal.SIGKILL)
    mode, index, level, *hidden_folders = arguments
    sys.argv[:] = [""]
    jobs, answers = os.dup(0), os.dup(1)
    run = load_runner(mode)
    try:
        isolation = _isolate(int(index), level == "namespaces", hidden_folders)
    except Exception as error:
        _write_frame(answers, json.dumps({"error": f"{type(error).__name__}: {error}"}).encode())
        return
    _write_frame(answers, json.dumps({"namespaces": isolation.namespaces, "job_uid": isolation.job_uid}).encode())
    gc.collect()
    gc.freeze()
    while (frame := _read_frame(jobs)) is not None:
        _answer(answers, json.loads(frame), run, isolation)


def load_runner(mode: str) -> Runner:
    """What runs the jobs of a mode; a worker loads its own alone, as everything loaded is copied with each fork."""
    import unittest  # noqa: F401  (submissions often import it, and it is slow to load)

    if mode == "secure":
        from .secure_run import run
    else:
        from .insecure_run import prepare, run

        prepare()
    return run


def _isolate(index: int, wanted: bool, hidden_folders: list[str]) -> Isolation:
    """The isolation that was asked for, tried on an empty job. Raises OSError where the system does not allow it."""
    if wanted:
        isolation = Isolation(True, namespaces.enter_worker_namespaces(index, hidden_folders), 0)
    else:
        job_uid = namespaces.FIRST_WORKER_UID + index if os.geteuid() == 0 and namespaces.others_can_import() else None
        isolation = Isolation(False, job_uid, 0 if job_uid is not None else _count_own_processes())
    os.chdir("/")
    return isolation


def _answer(answers: int, job: dict[str, Any], run: Runner, isolation: Isolation) -> None:
    keeper = os.fork()
    if keeper == 0:
        try:
            ending = keep_job(job, run, isolation)
        except BaseException as error:
            ending = Ending("setup_failed", f"{type(error).__name__}: {error}", b"", 0.0)
        with contextlib.suppress(BaseException):
            _send(answers, job, ending)
        os._exit(0)
    _, status = os.waitpid(keeper, 0)
    if status != 0:
        _send(answers, job, Ending("setup_failed", f"the keeper of the job died (status {status})", b"", 0.0))


def _send(answers: int, job: dict[str, Any], ending: Ending) -> None:
    head = {"number": job["number"], "how": ending.how, "detail": ending.detail, "seconds": ending.seconds}
    _write_frame(answers, json.dumps(head).encode())
    _write_frame(answers, ending.payload)


def _count_own_processes() -> int:
    """Tasks of our user now: where there are no namespaces, the limit on processes counts them too."""
    tasks = 0
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if folder.stat().st_uid == os.getuid():
                tasks += len(list((folder / "task").iterdir()))
    return tasks


def _read_frame(descriptor: int) -> bytes | None:
    head = _read_exactly(descriptor, 4)
    return None if head is None else _read_exactly(descriptor, struct.unpack(">I", head)[0])


def _read_exactly(descriptor: int, count: int) -> bytes | None:
    data = bytearray()
    while len(data) < count:
        chunk = os.read(descriptor, count - len(data))
        if not chunk:
            return None
        data += chunk
    return bytes(data)


def _write_frame(descriptor: int, data: bytes) -> None:
    view = memoryview(struct.pack(">I", len(data)) + data)
    while view:
        view = view[os.write(descriptor, view) :]


if __name__ == "__main__":
    main(sys.argv[1:])

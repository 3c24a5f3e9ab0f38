"""The warm worker: takes jobs on its standard input, forks a process for each, and answers on its standard output.

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
from typing import Any

from . import namespaces, process_limits, system_calls
from .job_watch import Ending
from .keeper import Keeper, Runner
from .plain_keeper import keep_plain_job
from .system_call_filter import refuse_system_calls

Keep = Callable[[dict[str, Any]], Ending]
ENVIRONMENT = ("LANG", "PATH")


def main(mode: str, settings: str) -> None:
    """mode: `secure` or `insecure`. settings, as JSON: `level` (`bubblewrap` where we already are inside, `namespaces`, `plain`),
    `job_uid`, `counted_processes`, `root` (see the sandbox root), `own_folder` (where our sources are mounted, or null)."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    process_limits.die_with_parent()
    sys.argv[:] = [""]
    for name in set(os.environ).difference(ENVIRONMENT):
        del os.environ[name]
    jobs, answers = os.dup(0), os.dup(1)
    run = load_runner(mode)
    try:
        keep = _isolate(run, json.loads(settings), jobs)
    except Exception as error:
        _write_frame(answers, json.dumps({"error": f"{type(error).__name__}: {error}"}).encode())
        return
    _write_frame(answers, b"{}")
    gc.collect()
    gc.freeze()
    while (frame := _read_frame(jobs)) is not None:
        job = json.loads(frame)
        try:
            ending = keep(job)
        except Exception as error:
            ending = Ending("setup_failed", f"{type(error).__name__}: {error}", b"", 0.0)
        _send(answers, job, ending)


def load_runner(mode: str) -> Runner:
    """What runs the jobs of a mode; a worker loads its own alone, as everything loaded is copied with each fork."""
    import unittest  # noqa: F401  (submissions often import it, and it is slow to load)

    if mode == "secure":
        from .secure_run import run
    else:
        from .insecure_run import prepare, run

        prepare()
    return run


def _isolate(run: Runner, settings: dict[str, Any], jobs: int) -> Keep:
    """Isolate this process as asked, and return what keeps its jobs. Raises OSError where the system does not allow it."""
    job_uid, counted_processes = settings["job_uid"], settings["counted_processes"]
    os.chdir("/")
    if settings["level"] == "plain":
        return lambda job: _fork_plain_keeper(job, run, job_uid, counted_processes)
    if settings["level"] == "namespaces":
        namespaces.enter_worker_namespaces(settings["root"])
    else:
        # bubblewrap's network has a loopback interface
        system_calls.call("unshare", system_calls.NEW_NETWORK)
    proc = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY)
    for folder in ("/proc", settings["own_folder"]):
        if folder is not None:
            system_calls.unmount(folder)
    refuse_system_calls()
    return Keeper(run, job_uid, counted_processes, proc, jobs).keep


def _fork_plain_keeper(job: dict[str, Any], run: Runner, job_uid: int | None, counted_processes: int) -> Ending:
    """The keeper of a plain job has its own process, to which whatever the job leaves behind falls."""
    read, write = os.pipe()
    keeper = os.fork()
    if keeper == 0:
        try:
            ending = keep_plain_job(job, run, job_uid, counted_processes)
        except BaseException as error:
            ending = Ending("setup_failed", f"{type(error).__name__}: {error}", b"", 0.0)
        with contextlib.suppress(BaseException):
            _write_frame(write, json.dumps([ending.how, ending.detail, ending.seconds]).encode())
            _write_frame(write, ending.payload)
        os._exit(0)
    os.close(write)
    head, payload = _read_frame(read), _read_frame(read)
    os.close(read)
    status = os.waitpid(keeper, 0)[1]
    if head is None or payload is None:
        return Ending("setup_failed", f"the keeper of the job died (status {status})", b"", 0.0)
    how, detail, seconds = json.loads(head)
    return Ending(how, detail, payload, seconds)


def _send(answers: int, job: dict[str, Any], ending: Ending) -> None:
    head = {"number": job["number"], "how": ending.how, "detail": ending.detail, "seconds": ending.seconds}
    _write_frame(answers, json.dumps(head).encode())
    _write_frame(answers, ending.payload)


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

"""The warm worker: takes jobs on its standard input, forks a process for each, and answers on its standard output.

A job is two frames of JSON: its head (`number`, `wall_seconds`, `result_bytes`, `limits`), which the worker reads, and its body,
which the job's own process reads. An answer is any number of frames with what the job sent, an empty frame, and one of JSON that
tells how it ended. The first answer, before any job, is `{}`, or `{"error": why}`. With `next_wall_seconds` in the head, a job
may end with `asks`: its process waits for the body of a second job, the next frame, and an empty one ends it.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from . import namespaces, process_limits, system_calls
from .frames import read_frame, write_frame
from .job_start import DECODER, Runner
from .job_watch import Ending
from .keeper import Keeper
from .plain_keeper import keep_plain_job
from .rehearsal import rehearse
from .system_call_filter import refuse_system_calls

Keep = Callable[[dict[str, Any]], Ending]
ENVIRONMENT = ("LANG", "PATH")


def main(mode: str, settings: str) -> None:
    """mode: `secure`, `insecure`, or `both` for jobs that are one after the other. settings, as JSON: `level` (`bubblewrap` where
    we already are inside, `namespaces`, `plain`), `job_uid`, `counted_processes`, `root` (see the sandbox root), `rehearsal` (a
    job of the mode, as text), `own_folder` (where our sources are mounted, or null)."""
    _heed_signals()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    process_limits.die_with_parent()
    sys.argv[:] = sys.orig_argv[:] = [""]
    for name in set(os.environ).difference(ENVIRONMENT):
        del os.environ[name]
    jobs, answers = os.dup(0), os.dup(1)
    run, prepare = load_runner(mode)
    prepare()
    try:
        keep = _isolate(run, prepare, json.loads(settings), jobs, answers)
    except Exception as error:
        write_frame(answers, json.dumps({"error": f"{type(error).__name__}: {error}"}).encode())
        return
    write_frame(answers, b"{}")
    gc.collect()
    gc.freeze()
    while (frame := read_frame(jobs)) is not None:
        head = DECODER.raw_decode(frame.decode())[0]
        try:
            ending = keep(head)
        except Exception as error:
            ending = Ending("setup_failed", f"{type(error).__name__}: {error}", 0.0)
        write_frame(answers, b"", json.dumps({"number": head["number"], **vars(ending)}).encode())
        if ending.how == "setup_failed":
            return  # the body may not have been read


def _heed_signals() -> None:
    """A signal that whoever started us ignores or holds back would not end a submission that sends it to itself."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for number in signal.valid_signals() - {signal.SIGPIPE, signal.SIGXFSZ}:  # Python ignores these two itself
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


def load_runner(mode: str) -> tuple[Runner, Callable[[], None]]:
    """What runs the jobs of a mode, and what to call before the first; a worker loads its own alone, as every fork copies all."""
    import unittest  # noqa: F401  (submissions often import it, and it is slow to load)

    if mode == "secure":
        from .secure_run import prepare, run
    elif mode == "insecure":
        from .insecure_run import prepare, run
    else:
        from .shared_run import prepare, run
    return run, prepare


def _isolate(run: Runner, prepare: Callable[[], None], settings: dict[str, Any], jobs: int, answers: int) -> Keep:
    """Isolate this process as asked, and return what keeps its jobs. Raises OSError where the system does not allow it."""
    job_uid, counted_processes = settings["job_uid"], settings["counted_processes"]
    if job_uid is not None:
        os.setgroups([])
    os.chdir("/")
    if settings["level"] == "plain":
        return lambda head: _fork_plain_keeper(
            head, lambda head: keep_plain_job(head, run, job_uid, counted_processes, jobs, answers)
        )
    if settings["level"] == "namespaces":
        namespaces.enter_worker_namespaces(settings["root"])
    else:
        # bubblewrap's network has a loopback interface
        system_calls.call("unshare", system_calls.NEW_NETWORK)
    rehearse(run, prepare, settings["rehearsal"])
    prepare()
    proc = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY)
    for folder in ("/proc", settings["own_folder"]):
        if folder is not None:
            system_calls.unmount(folder)
    refuse_system_calls()
    return Keeper(run, job_uid, counted_processes, proc, jobs, answers).keep


def _fork_plain_keeper(head: dict[str, Any], keep: Keep) -> Ending:
    """The keeper of a plain job has its own process, to which whatever the job leaves behind falls."""
    read, write = os.pipe()
    keeper = os.fork()
    if keeper == 0:
        try:
            ending = keep(head)
        except BaseException as error:
            ending = Ending("setup_failed", f"{type(error).__name__}: {error}", 0.0)
        with contextlib.suppress(BaseException):
            write_frame(write, json.dumps(vars(ending)).encode())
        os._exit(0)
    os.close(write)
    answer = read_frame(read)
    os.close(read)
    status = os.waitpid(keeper, 0)[1]
    if answer is None:
        return Ending("setup_failed", f"the keeper of the job died (status {status})", 0.0)
    return Ending(**json.loads(answer))

"""The keeper of isolated jobs: each gets namespaces of its own, is watched, and is ended with all that it started."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from . import process_limits
from .job_watch import READY, Ending, Pipes, open_pipes, watch_job
from .memory_watch import MemoryWatch
from .namespaces import ProcessNamespaces, enter_job_namespaces
from .system_calls import drop_capabilities

Runner = Callable[[dict[str, Any], int, bytes], None]
SCRATCH = "/tmp/scratch"


class Keeper:
    """Runs jobs one after the other, for a worker that is itself isolated."""

    def __init__(self, run: Runner, job_uid: int | None, counted_processes: int, proc: int, owner: int):
        """`job_uid`: whom jobs become; None keeps ours, without capabilities. `counted_processes`: how many of ours the limit on
        processes counts with theirs. `proc`: an open /proc. `owner`: a descriptor whose other end our owner holds."""
        self._run, self._job_uid, self._counted_processes, self._owner = run, job_uid, counted_processes, owner
        self._namespaces = ProcessNamespaces(proc)
        self._memory = MemoryWatch(proc)

    def keep(self, job: dict[str, Any]) -> Ending:
        """Call `run(job, result_fd, token)` in a process of its own, and tell how it ended and what it sent.

        `token` is random text that begins each genuine line of the payload; it is stripped here, and lines from the first without
        it on are dropped.
        """
        token = os.urandom(16).hex().encode()
        pipes = open_pipes()
        first, child = self._namespaces.fork()
        if child == 0:
            self._become_job(job, token, pipes)
        pipes.close_writing_ends()
        is_ended = False

        def end() -> int:
            nonlocal is_ended
            is_ended = True
            return self._namespaces.end(first, child)

        self._memory.start(int(job["limits"]["memory_mib"]), {os.getpid(), first})
        try:
            return watch_job(child, job, token, pipes, end, self._memory.is_exceeded, self._owner)
        finally:
            if not is_ended:
                end()
            pipes.close()

    def _become_job(self, job: dict[str, Any], token: bytes, pipes: Pipes) -> None:
        """Never returns."""
        try:
            try:
                os.setsid()
                enter_job_namespaces()
                process_limits.apply_limits(job["limits"], job["wall_seconds"], self._counted_processes)
                if self._job_uid is None:
                    drop_capabilities()
                else:
                    process_limits.become_user(self._job_uid)
                process_limits.die_with_parent()
                os.mkdir(SCRATCH)  # noqa: PTH102  (a Path costs page faults in every job)
                os.chdir(SCRATCH)
                process_limits.detach_descriptors({pipes.ready_write, pipes.result_write})
            except BaseException as error:
                os.write(pipes.ready_write, f"{type(error).__name__}: {error}".encode()[:2000])
                return
            os.write(pipes.ready_write, READY)
            os.close(pipes.ready_write)
            self._run(job, pipes.result_write, token)
        finally:
            os._exit(0)

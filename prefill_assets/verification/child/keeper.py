"""The keeper of isolated jobs: each gets namespaces of its own, is watched, and is ended with all that it started."""

from __future__ import annotations

import os
from typing import Any

from . import process_limits
from .job_start import Runner, run_job
from .job_watch import Ending, JobWatch, Pipes, open_pipes
from .memory_watch import MemoryWatch
from .namespaces import ProcessNamespaces, enter_job_namespaces
from .system_calls import drop_capabilities

SCRATCH = "/tmp/scratch"


class Keeper:
    """Runs jobs one after the other, for a worker that is itself isolated."""

    def __init__(self, run: Runner, job_uid: int | None, counted_processes: int, proc: int, jobs: int, answers: int):
        """`job_uid`: whom jobs become; None keeps ours, without capabilities. `counted_processes`: how many of ours the limit on
        processes counts with theirs. `proc`: an open /proc. `jobs` and `answers`: where jobs come from and answers go to."""
        self._run, self._job_uid, self._counted_processes = run, job_uid, counted_processes
        self._jobs, self._answers = jobs, answers
        self._namespaces = ProcessNamespaces(proc)
        self._memory = MemoryWatch(proc)
        self._limits: dict[str, Any] | None = None

    def keep(self, head: dict[str, Any]) -> Ending:
        """Run the job whose head this is in a process of its own, pass on what it sends, and tell how it ended."""
        if head["limits"] != self._limits:
            # once for all jobs, which inherit them, as each costs a job time
            process_limits.apply_limits(head["limits"], self._counted_processes)
            self._limits = head["limits"]
        pipes = open_pipes(has_next="next_wall_seconds" in head)
        first, child = self._namespaces.fork()
        if child == 0:
            run_job(self._run, self._jobs, pipes, lambda: self._isolate(head, pipes))
        pipes.close_writing_ends()
        is_ended = False

        def end() -> int:
            nonlocal is_ended
            is_ended = True
            return self._namespaces.end(first, child)

        self._memory.start(int(head["limits"]["memory_mib"]), {os.getpid(), first})
        try:
            return JobWatch(head, self._answers, self._jobs, self._memory.is_exceeded).watch(child, pipes, end)
        finally:
            if not is_ended:
                end()
            pipes.close_reading_ends()

    def _isolate(self, head: dict[str, Any], pipes: Pipes) -> None:
        os.setsid()
        enter_job_namespaces()
        process_limits.limit_cpu(head["wall_seconds"] + head.get("next_wall_seconds", 0))
        if self._job_uid is None:
            drop_capabilities()
        else:
            process_limits.become_user(self._job_uid)
        os.mkdir(SCRATCH)  # noqa: PTH102  (a Path costs page faults in every job)
        os.chdir(SCRATCH)
        kept = {self._jobs, pipes.ready_write, pipes.result_write}
        process_limits.detach_descriptors(kept if pipes.next_read < 0 else {*kept, pipes.next_read})

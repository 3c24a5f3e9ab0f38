"""Stands between a run and its server, as a process of its own, so that the server ends whichever way the run ends.

Run as a script: `keeper.py LOG COMMAND...`, the log in a folder of its own. The server gets a session of its own. The keeper says
its process id on standard output, and ends every process of that session once standard input closes, its parent is gone, or the
server's first process has ended: vLLM's engine and workers outlive an API server that is killed. It needs no packages.
"""

import contextlib
import ctypes
import os
import select
import shutil
import signal
import subprocess
import sys
import time

POLL_SECONDS = 0.1
GRACE_SECONDS = 10.0
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36


def main(log: str, *command: str) -> int:
    """The exit status of the server; 0 where it was asked to end."""
    _set_process_option(PR_SET_CHILD_SUBREAPER, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asked_to_end = []
    signal.signal(signal.SIGTERM, lambda *_: asked_to_end.append(True))
    owner = os.getppid()
    with open(log, "ab") as output:  # noqa: PTH123
        server = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=_die_with_the_keeper,
        )
    print(server.pid, flush=True)
    while server.poll() is None and not asked_to_end and os.getppid() == owner:
        with contextlib.suppress(InterruptedError):
            if select.select([sys.stdin], [], [], POLL_SECONDS)[0]:  # nothing is ever written there: it has closed
                break
    status = server.poll()
    _end_group(server)
    if os.getppid() != owner:  # nobody is left to read it
        shutil.rmtree(os.path.dirname(log), ignore_errors=True)  # noqa: PTH120
    return 0 if status is None else status


def _end_group(server: subprocess.Popen) -> None:
    """SIGTERM to the first process, which ends the others in order; SIGKILL to all that is left."""
    if server.poll() is None:
        server.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(GRACE_SECONDS)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(server.pid, signal.SIGKILL)
    deadline = time.monotonic() + GRACE_SECONDS
    while time.monotonic() < deadline:
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:  # orphans of the server are ours to bury
                pass
            os.killpg(server.pid, 0)
        except ChildProcessError:
            return
        except (ProcessLookupError, PermissionError):
            return
        time.sleep(POLL_SECONDS / 4)


def _die_with_the_keeper() -> None:
    _set_process_option(PR_SET_PDEATHSIG, signal.SIGTERM)


def _set_process_option(option: int, value: int) -> None:
    """Linux only; elsewhere the pipe alone has to do."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

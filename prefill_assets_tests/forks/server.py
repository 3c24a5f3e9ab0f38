"""A process that has imported what calls need, and forks one for each call: what a call does is then all it costs.

Run as `python -m prefill_assets_tests.forks.server FD`, it takes orders from the socket of that number until it closes.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import sys
from typing import Any

PRELOADED = (
    *("prefill_assets.definitions", "prefill_assets.cli.main", "dagster", "duckdb", "torch", "altair", "pandas", "scipy.stats"),
    *("transformers.models.llama.modeling_llama", "transformers.models.auto.tokenization_auto", "rich.console", "vl_convert"),
)
ORDER_BYTES, NUM_FILES = 1 << 20, 3


def serve(orders: socket.socket) -> None:
    """An order is a call's function, arguments and environment, with the files of its output, its errors and its news."""
    for name in PRELOADED:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # what was imported stays: no call looks through it, nor copies it by doing so
    supervisors = []
    while True:
        text, files, *_ = socket.recv_fds(orders, ORDER_BYTES, NUM_FILES)
        if not text:
            break
        supervisors.append(os.fork())
        if supervisors[-1] == 0:
            orders.close()
            os._exit(supervise(json.loads(text), *files))
        for file in files:
            os.close(file)
    for supervisor in supervisors:
        os.waitpid(supervisor, 0)


def supervise(order: dict[str, Any], output: int, errors: int, news: int) -> int:
    """Tell the call's process id and, once it has ended, its return code."""
    pid = os.fork()
    if pid == 0:
        os.close(news)
        os._exit(obey(order, output, errors))
    os.write(news, json.dumps({"pid": pid}).encode())
    returncode = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.write(news, json.dumps({"returncode": returncode}).encode())
    return 0


def obey(order: dict[str, Any], output: int, errors: int) -> int:
    os.dup2(output, 1)
    os.dup2(errors, 2)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(order["environment"])
    try:
        return pkgutil.resolve_name(order["function"])(*order["arguments"]) or 0
    except SystemExit as end:
        return int(end.code or 0)
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))

"""Where bubblewrap is missing: the worker's own namespaces and root folder, by system calls."""

from __future__ import annotations

import json
import os

from ...child.namespaces import enter_worker_namespaces


def main(arguments: list[str]) -> None:
    """`arguments`: root and command as JSON (see `sandbox.write_command`). Becomes the worker, or says on stdout why not."""
    plan = json.loads(arguments[0])
    try:
        enter_worker_namespaces(plan["root"], has_writable_proc=True)
        os.execv(plan["command"][0], plan["command"])
    except OSError as error:
        print(json.dumps({"error": f"no namespaces ({error})"}), flush=True)
        os._exit(1)

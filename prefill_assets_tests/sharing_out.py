"""Which tests stay together when several workers share them, and which go out first."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

TOGETHER = {
    "prefill_assets_tests/benchmarks/test_concurrency.py": "forks",
    "prefill_assets_tests/cli/test_interruption.py": "forks",
    "prefill_assets_tests/ui/test_backfill.py": "ui",
    "prefill_assets_tests/ui/test_browser.py": "ui",
    "prefill_assets_tests/ui/test_tab.py": "ui",
    "prefill_assets_tests/cli/test_vllm_runs.py": "vllm",
    "prefill_assets_tests/engines/test_engine_contract.py": "vllm",
    "prefill_assets_tests/engines/vllm/test_given_host.py": "vllm",
    "prefill_assets_tests/engines/vllm/test_owned_host.py": "vllm",
}
"""Modules that share a server. Any other module is a scope of its own, since its fixtures are made once a module."""

LONGEST_FIRST = (
    "ui",
    "vllm",
    "forks",
    "prefill_assets_tests/cli/",
    "prefill_assets_tests/verification/",
    "prefill_assets_tests/",
)
"""A long scope that goes out last keeps one worker busy while the others have nothing left."""


def find_scope(node_id: str) -> str:
    module = node_id.split("::", 1)[0]
    return TOGETHER.get(module, module)


def find_turn(node_id: str) -> int:
    scope = find_scope(node_id)
    return next(turn for turn, start in enumerate((*LONGEST_FIRST, "")) if scope.startswith(start))


def make_scheduler(config: pytest.Config, log: object) -> object:
    from xdist.scheduler import LoadScopeScheduling

    class Scheduler(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return find_scope(nodeid)

    config.option.loadscopereorder = False  # in the order in which they were collected, which is ours
    return Scheduler(config, log)


@contextmanager
def share_folder(tmp_path_factory: pytest.TempPathFactory, name: str) -> Iterator[Path]:
    """A folder for all workers of a session. While it is held nobody else has it; the first finds it absent and makes it."""
    root = tmp_path_factory.getbasetemp()
    if root.name.startswith("popen-"):
        root = root.parent
    with (root / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield root / name

"""Tiny checkpoints on disk, made once a session, and an engine for each."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import pytest

from prefill_assets_tests.engine_fixtures import checkpoints, transformers_host, vllm_host  # noqa: F401
from prefill_assets_tests.forks.process import Forks
from prefill_assets_tests.sharing_out import find_turn, make_scheduler

for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    if signal.getsignal(number) is signal.SIG_IGN:  # by a script that started the tests in its background
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    return make_scheduler(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: find_turn(item.nodeid))


def pytest_collection_finish(session: pytest.Session) -> None:
    """What stays for all tests is not looked through again each time that objects which nobody holds are collected."""
    if not hasattr(session.config, "workerinput"):
        return
    import torch  # noqa: F401
    import transformers  # noqa: F401

    import prefill_assets.definitions  # noqa: F401

    gc.collect()
    gc.freeze()


def pytest_sessionfinish() -> None:
    gc.unfreeze()


@pytest.fixture(scope="session")
def find_tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder `checkpoint-1` of a form, by the form's name. Read only: copy it before changing it."""
    from prefill_assets_tests.tiny_models import save_checkpoint

    made: dict[str, Path] = {}

    def find(form: str) -> Path:
        if form not in made:
            made[form] = save_checkpoint(tmp_path_factory.mktemp(form) / "checkpoint-1", form)
        return made[form]

    return find


@pytest.fixture(scope="session")
def find_tiny_engine(find_tiny_checkpoint: Callable[[str], Path]) -> Callable[[str], Any]:
    """The engine of a form's checkpoint, in float32, in batches of 4."""
    from prefill_assets.engines.transformers_engine import TransformersEngine

    made: dict[str, Any] = {}

    def find(form: str) -> Any:
        if form not in made:
            made[form] = TransformersEngine.load(find_tiny_checkpoint(form), dtype="float32", device="cpu", batch_size=4)
        return made[form]

    return find


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    """Starts calls as processes of their own."""
    made = Forks()
    yield made
    made.close()

"""Who may use the engine: one process at a time, and a server of a run's own until that run lets go of it; and what it did."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from contextlib import suppress

import pytest
from filelock import FileLock, Timeout

from prefill_assets.assets import platform as module
from prefill_assets.assets.platform import HOST_SETTINGS, Platform
from prefill_assets.engines.vllm.owned_host import OwnedHost
from prefill_assets.locations import Locations
from prefill_assets.runs.analysis import _take_turn
from prefill_assets.sources.settings import Settings
from prefill_assets_tests.tiny_projects import make_environment, make_project

TRY = """
from filelock import FileLock, Timeout
from prefill_assets.locations import Locations
try:
    FileLock(Locations.find().locks / "engine.lock").acquire(timeout=0)
    print("free")
except Timeout:
    print("taken")
"""


@pytest.fixture
def platform(tmp_path, monkeypatch):
    project = make_project(tmp_path / "project")
    for name, value in make_environment(project).items():
        monkeypatch.setenv(name, value)
    yield Platform()
    Platform().release_engine()


def ask_another_process() -> str:
    return subprocess.run([sys.executable, "-c", TRY], capture_output=True, text=True, check=True).stdout.strip()


def test_a_turn_ends_with_its_block_and_may_be_taken_again(platform):
    for _ in range(2):
        with platform.take_engine_turn(), platform.take_engine_turn():
            assert ask_another_process() == "taken"
        assert ask_another_process() == "free"


@pytest.mark.parametrize(("base_url", "after"), [(None, "taken"), ("http://127.0.0.1:8000", "free")])
def test_a_server_of_our_own_keeps_the_turn_until_it_is_released(platform, monkeypatch, base_url, after):
    settings = Settings(engine="vllm", vllm_base_url=base_url)
    wanted = tuple(getattr(settings, name) for name in HOST_SETTINGS)
    with platform.take_engine_turn():
        monkeypatch.setitem(module._hosts, wanted, OwnedHost(settings))

    assert ask_another_process() == after
    platform.release_engine()
    assert ask_another_process() == "free"
    with platform.take_engine_turn():
        assert ask_another_process() == "taken"


def test_a_turn_lasts_while_one_engine_replaces_another(workplace, host):
    platform, checkpoint = Platform(), workplace.run_dir / "checkpoints" / "checkpoint-1"
    other = FileLock(Locations.find().locks / "engine.lock")
    with platform.take_engine_turn():
        for dtype in ("float32", "bfloat16"):
            platform.open_engine(checkpoint, Settings(dtype=dtype))
            with pytest.raises(Timeout):
                other.acquire(timeout=0)
    other.acquire(timeout=0)


def test_a_run_of_an_experiment_with_a_locks_name_waits_for_nobody(platform):
    def refuse(text: str) -> None:
        raise AssertionError(text)

    locations = Locations.find()
    with platform.take_engine_turn(), FileLock(locations.locks / "dagster-instance.lock"):
        for name in ("engine", "dagster-instance"):
            with _take_turn(locations, name, refuse):
                pass


def test_engine_work_is_what_was_done_in_between_and_is_known_where_the_block_breaks_too(monkeypatch):
    work = Counter({"engine_starts": 3, "weight_loads": 7})
    monkeypatch.setattr(module, "_ended_work", work)

    with suppress(RuntimeError), Platform().count_engine_work() as taken:
        work.update({"weight_loads": 2})
        assert taken == {}
        raise RuntimeError

    assert taken == {"engine_starts": 0, "weight_loads": 2}

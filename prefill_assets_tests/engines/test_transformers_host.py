from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from prefill_assets.engines.transformers_host import TransformersHost
from prefill_assets.sources.settings import Settings
from prefill_assets_tests.tiny_models import save_checkpoint


@pytest.fixture
def host():
    host = TransformersHost(Settings(dtype="float32", device="cpu"))
    yield host
    host.close()


def test_a_checkpoint_opened_again_is_not_loaded_again(host, find_tiny_checkpoint):
    first = host.open(find_tiny_checkpoint("chatml"))

    assert host.open(find_tiny_checkpoint("chatml")) is first
    assert host.loads == 1


def test_another_checkpoint_and_one_saved_anew_are_loaded(host, find_tiny_checkpoint, tmp_path):
    host.open(find_tiny_checkpoint("chatml"))
    copy = Path(shutil.copytree(find_tiny_checkpoint("chatml"), tmp_path / "checkpoint-2"))
    first = host.open(copy)
    save_checkpoint(copy, seed=5)

    assert host.open(copy) is not first
    assert host.loads == 3


def test_closed_twice_and_opened_again_it_serves(host, find_tiny_checkpoint):
    host.open(find_tiny_checkpoint("chatml"))
    host.close()
    host.close()

    assert host.open(find_tiny_checkpoint("chatml")).model is not None

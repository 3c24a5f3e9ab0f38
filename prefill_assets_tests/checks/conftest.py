from __future__ import annotations

import shutil

import pytest

from prefill_assets.warehouse.store import Warehouse
from prefill_assets_tests.checks.sound_warehouse import fill


@pytest.fixture(scope="session")
def sound(tmp_path_factory) -> Warehouse:
    return fill(Warehouse(tmp_path_factory.mktemp("sound") / "warehouse"))


@pytest.fixture
def warehouse(sound, tmp_path) -> Warehouse:
    """A copy to spoil."""
    return Warehouse(shutil.copytree(sound.root, tmp_path / "warehouse"))

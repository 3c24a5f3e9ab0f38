"""An installation made once; every test prunes a copy."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from prefill_assets.locations import Locations

from .installations import make_installation


@pytest.fixture(scope="session")
def made(tmp_path_factory) -> Path:
    return make_installation(tmp_path_factory.mktemp("made") / "project").project


@pytest.fixture
def locations(made, tmp_path) -> Locations:
    project = shutil.copytree(made, tmp_path / "it's")
    return Locations(project, project / "data")

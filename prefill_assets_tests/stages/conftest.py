from __future__ import annotations

import pytest

from prefill_assets_tests.stages.bench import Bench


@pytest.fixture
def bench(tmp_path) -> Bench:
    made = Bench(tmp_path)
    made.materialize()
    return made

"""One host for each engine, kept for the session: a vLLM server takes half a minute to start."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from prefill_assets.engines.loading import make_host
from prefill_assets.sources.settings import Settings
from prefill_assets_tests.live_processes import MARK
from prefill_assets_tests.tiny_vllm import ENVIRONMENT, make_vllm_settings, save_adapter, save_whole


@dataclass(frozen=True)
class Checkpoints:
    """Two whole checkpoints of one shape, and two adapters of the first."""

    folder: Path

    @property
    def base(self) -> Path:
        return self.folder / "checkpoint-1"

    @property
    def other(self) -> Path:
        return self.folder / "checkpoint-2"

    @property
    def adapter(self) -> Path:
        return self.folder / "adapters" / "checkpoint-3"

    @property
    def other_adapter(self) -> Path:
        return self.folder / "adapters" / "checkpoint-4"

    @property
    def all(self) -> dict[str, Path]:
        return {"whole": self.base, "other": self.other, "adapter": self.adapter, "other adapter": self.other_adapter}


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory) -> Checkpoints:
    made = Checkpoints(tmp_path_factory.mktemp("checkpoints"))
    save_whole(made.base, seed=0)
    save_whole(made.other, seed=1)
    save_adapter(made.adapter, made.base, seed=3)
    save_adapter(made.other_adapter, made.base, seed=4, rank=9)
    return made


@pytest.fixture(scope="session")
def transformers_host() -> Iterator[Any]:
    host = make_host(Settings(dtype="float32", device="cpu", batch_size=8))
    yield host
    host.close()


@pytest.fixture(scope="session")
def vllm_host(checkpoints) -> Iterator[Any]:
    """Opened for an adapter first, its server takes adapters and whole checkpoints of the base's shape."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        patch.delenv(MARK, raising=False)  # it belongs to no test
        host = make_host(make_vllm_settings())
        host.open(checkpoints.adapter)
        yield host
        host.close()

"""One model in memory for a whole sweep: what is loaded, what is kept, and that every checkpoint answers as itself."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from prefill_assets.engines.protocol import ScoreRequest
from prefill_assets.engines.transformers_engine import TransformersEngine
from prefill_assets.engines.transformers_host import TransformersHost
from prefill_assets.errors import InputError
from prefill_assets.sources.settings import Settings
from prefill_assets_tests.engines.adapters import save_adapter
from prefill_assets_tests.tiny_models import save_checkpoint

REQUEST = ScoreRequest((20, 21, 22), (30, 31, 32, 33), (4,))


@pytest.fixture
def host():
    host = TransformersHost(Settings(dtype="float32", device="cpu"))
    yield host
    host.close()


def find_sum(engine: TransformersEngine) -> float:
    (score,) = engine.score([REQUEST])
    return (score.sums or {})[4]


def find_sum_alone(checkpoint: Path) -> float:
    return find_sum(TransformersEngine.load(checkpoint, dtype="float32", device="cpu"))


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


@pytest.mark.parametrize("form", ["chatml", "absolute", "think_unopened"])
def test_checkpoints_of_one_architecture_overwrite_one_model(host, tmp_path, form):
    """GPT-2's input and output embeddings are one tensor, which its file names once."""
    folders = [save_checkpoint(tmp_path / f"checkpoint-{step}", form, seed=step) for step in (1, 2, 3)]

    engines_model = host.open(folders[0]).model
    places = [weight.data_ptr() for weight in engines_model.parameters()]
    for folder in [*folders, folders[0]]:
        engine = host.open(folder)
        assert engine.model is engines_model
        assert find_sum(engine) == pytest.approx(find_sum_alone(folder), abs=1e-5)
    assert [weight.data_ptr() for weight in engines_model.parameters()] == places
    assert len({find_sum_alone(folder) for folder in folders}) == 3
    assert (host.starts, host.loads) == (1, 4)


def test_another_architecture_is_loaded_from_scratch(host, tmp_path):
    small, large = save_checkpoint(tmp_path / "checkpoint-1"), save_checkpoint(tmp_path / "checkpoint-2", layers=3)

    for folder in (small, large, small):
        assert find_sum(host.open(folder)) == pytest.approx(find_sum_alone(folder), abs=1e-5)
    assert (host.starts, host.loads) == (3, 3)


def test_a_checkpoint_that_lacks_a_tensor_is_an_error_and_the_next_one_serves(host, tmp_path):
    from safetensors.torch import load_file, save_file

    good, bad = save_checkpoint(tmp_path / "checkpoint-1"), save_checkpoint(tmp_path / "checkpoint-2", seed=2)
    weights = load_file(bad / "model.safetensors")
    weights.pop("model.layers.1.mlp.up_proj.weight")
    save_file(weights, bad / "model.safetensors", metadata={"format": "pt"})

    host.open(good)
    with pytest.raises(InputError, match="1 of its weights are missing"):
        host.open(bad)

    assert find_sum(host.open(good)) == pytest.approx(find_sum_alone(good), abs=1e-5)


def test_every_checkpoint_has_its_own_stop_tokens(host, tmp_path):
    first, second = (save_checkpoint(tmp_path / f"checkpoint-{step}", seed=step) for step in (1, 2))
    generation = json.loads((second / "generation_config.json").read_text())
    (second / "generation_config.json").write_text(json.dumps({**generation, "eos_token_id": [17]}))

    assert 17 not in host.open(first).loaded.stop_ids
    assert 17 in host.open(second).loaded.stop_ids
    assert 17 not in host.open(first).loaded.stop_ids


def test_adapters_are_swapped_over_a_base_that_is_read_once(host, find_tiny_checkpoint, tmp_path):
    base = find_tiny_checkpoint("chatml")
    adapters = [save_adapter(tmp_path / f"checkpoint-{step}", base, seed=step, rank=3 + step) for step in (1, 2, 3)]
    alone = [find_sum_alone(adapter) for adapter in adapters]

    for adapter, expected in zip([*adapters, adapters[0]], [*alone, alone[0]], strict=True):
        assert find_sum(host.open(adapter)) == pytest.approx(expected, abs=1e-5)

    assert len({round(total, 3) for total in [*alone, find_sum_alone(base)]}) == 4
    assert (host.starts, host.loads) == (1, 4)


def test_after_an_adapter_its_base_answers_as_itself(host, find_tiny_checkpoint, tmp_path):
    base = find_tiny_checkpoint("chatml")
    host.open(save_adapter(tmp_path / "checkpoint-1", base, seed=1))

    assert find_sum(host.open(base)) == pytest.approx(find_sum_alone(base), abs=1e-5)


def test_the_next_checkpoints_weights_are_read_ahead(find_tiny_checkpoint, tmp_path):
    for step in (2, 10, 9):
        shutil.copytree(find_tiny_checkpoint("chatml"), tmp_path / f"checkpoint-{step}")

    def read_ahead(step: int, **settings: object) -> int:
        host = TransformersHost(Settings(dtype="float32", device="cpu", **settings))
        host.open(tmp_path / f"checkpoint-{step}")
        if host._warmer is not None:
            host._warmer.wait()
        read = host._warmer.read_bytes if host._warmer else 0
        host.close()
        return read

    size = (tmp_path / "checkpoint-9" / "model.safetensors").stat().st_size
    (tmp_path / "checkpoint-10" / "model.safetensors").write_bytes(b"being written")
    assert read_ahead(2) == size
    assert read_ahead(9) == 0, "a checkpoint that is not whole yet is no reason to fail now"
    assert read_ahead(2, checkpoints=(2, 10)) == 0

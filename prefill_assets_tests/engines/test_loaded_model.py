"""From folders, whole and broken, to a model or to one line that says what is wrong."""

from __future__ import annotations

import json
import shutil
import struct
from contextlib import suppress
from pathlib import Path

import pytest

from prefill_assets.engines.loaded_model import load_model
from prefill_assets.engines.protocol import ScoreRequest
from prefill_assets.engines.tokenization import load_tokenizer
from prefill_assets.engines.transformers_engine import TransformersEngine
from prefill_assets.errors import InputError
from prefill_assets_tests.engines.adapters import save_adapter
from prefill_assets_tests.engines.slow_scoring import sum_slowly

EVIL = "from pathlib import Path\nPath(r'{marker}').touch()\nraise SystemExit('this code must not run')\n"


@pytest.fixture
def checkpoint(find_tiny_checkpoint, tmp_path) -> Path:
    """A copy that a test may spoil."""
    return Path(shutil.copytree(find_tiny_checkpoint("chatml"), tmp_path / "checkpoint-90"))


def edit_json(path: Path, **changed: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changed}))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_weights_are_held_in_the_asked_number_format(checkpoint, dtype):
    engine = TransformersEngine.load(checkpoint, dtype=dtype, device="cpu")

    assert f" {dtype} cpu" in engine.description
    assert {str(weight.dtype) for weight in engine.model.parameters()} == {f"torch.{dtype}"}


def break_by_removing_the_weights(checkpoint: Path) -> None:
    (checkpoint / "model.safetensors").unlink()


def break_by_leaving_pickles_only(checkpoint: Path) -> None:
    import torch

    (checkpoint / "model.safetensors").unlink()
    torch.save({"lm_head.weight": torch.zeros(2, 2)}, checkpoint / "pytorch_model.bin")


def break_by_truncating(checkpoint: Path) -> None:
    weights = checkpoint / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])


def break_by_a_garbled_header(checkpoint: Path) -> None:
    (checkpoint / "model.safetensors").write_bytes(struct.pack("<Q", 20) + b"x" * 40)


def break_by_a_missing_shard(checkpoint: Path) -> None:
    (checkpoint / "model.safetensors").unlink()
    index = {"metadata": {}, "weight_map": {"lm_head.weight": "model-00001-of-00002.safetensors"}}
    (checkpoint / "model.safetensors.index.json").write_text(json.dumps(index))


def break_by_a_layer_that_the_weights_lack(checkpoint: Path) -> None:
    edit_json(checkpoint / "config.json", num_hidden_layers=3)


def break_by_another_shape(checkpoint: Path) -> None:
    edit_json(checkpoint / "config.json", intermediate_size=64)


def break_by_removing_the_configuration(checkpoint: Path) -> None:
    (checkpoint / "config.json").unlink()


def break_by_an_unknown_model_type(checkpoint: Path) -> None:
    edit_json(checkpoint / "config.json", model_type="unheard_of", architectures=["UnheardOf"])


def break_by_a_configuration_that_is_not_json(checkpoint: Path) -> None:
    (checkpoint / "config.json").write_text("{")


def break_by_a_configuration_that_is_a_list(checkpoint: Path) -> None:
    (checkpoint / "config.json").write_text("[]")


BREAKAGES = [value for name, value in list(globals().items()) if name.startswith("break_by_")]


@pytest.mark.parametrize("break_checkpoint", BREAKAGES, ids=lambda f: f.__name__.removeprefix("break_by_"))
def test_a_broken_checkpoint_is_one_line_that_names_the_folder_and_gives_no_engine(checkpoint, break_checkpoint):
    break_checkpoint(checkpoint)

    with pytest.raises(InputError) as caught:
        TransformersEngine.load(checkpoint, dtype="float32", device="cpu")

    assert str(caught.value).startswith(str(checkpoint))
    assert ";" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_pickles_are_never_opened(checkpoint, tmp_path):
    marker = tmp_path / "ran"

    class Evil:
        def __reduce__(self):
            return Path.touch, (marker,)

    import pickle

    (checkpoint / "model.safetensors").unlink()
    (checkpoint / "pytorch_model.bin").write_bytes(pickle.dumps(Evil()))

    with pytest.raises(InputError):
        TransformersEngine.load(checkpoint, dtype="float32")
    assert not marker.exists()


@pytest.mark.parametrize("model_type", ["llama", "custom_made"])
def test_code_that_comes_with_a_checkpoint_is_never_run(checkpoint, tmp_path, model_type):
    marker = tmp_path / "ran"
    (checkpoint / "evil.py").write_text(EVIL.format(marker=marker))
    classes = {"AutoConfig": "evil.EvilConfig", "AutoModelForCausalLM": "evil.EvilModel"}
    edit_json(checkpoint / "config.json", model_type=model_type, auto_map=classes)
    edit_json(checkpoint / "tokenizer_config.json", auto_map={"AutoTokenizer": ["evil.EvilTokenizer", "evil.EvilTokenizer"]})

    for load in (load_tokenizer, lambda path: TransformersEngine.load(path, dtype="float32")):
        with suppress(InputError):
            load(checkpoint)
        assert not marker.exists()


def test_an_adapter_without_peft_says_what_to_install(checkpoint, monkeypatch):
    from importlib import util

    find_spec = util.find_spec
    monkeypatch.setattr(util, "find_spec", lambda name, *rest: None if name == "peft" else find_spec(name, *rest))
    (checkpoint / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "base", "peft_type": "LORA"}))

    with pytest.raises(InputError, match=r"is a LoRA adapter, and peft is not installed; pip install"):
        TransformersEngine.load(checkpoint, dtype="float32")


@pytest.fixture
def adapter(find_tiny_checkpoint, tmp_path) -> Path:
    """A LoRA adapter of the tiny checkpoint."""
    return save_adapter(tmp_path / "checkpoint-90", find_tiny_checkpoint("chatml"), seed=0)


def test_an_adapter_answers_as_peft_itself_does_and_not_as_its_base(adapter, find_tiny_checkpoint, find_tiny_engine):
    peft = pytest.importorskip("peft")
    from transformers import AutoModelForCausalLM

    base = AutoModelForCausalLM.from_pretrained(find_tiny_checkpoint("chatml"))
    expected = sum_slowly(peft.PeftModel.from_pretrained(base, str(adapter)).eval(), (20, 21), (30, 31))

    request = ScoreRequest((20, 21), (30, 31), (2,))
    engine = TransformersEngine.load(adapter, dtype="float32", device="cpu")
    (merged,), (plain,) = ((next(e.score([request])).sums or {}).values() for e in (engine, find_tiny_engine("chatml")))

    assert merged == pytest.approx(expected, abs=1e-4)
    assert merged != pytest.approx(plain, abs=1e-2)


@pytest.mark.parametrize("base", ["/nowhere/base", "nobody/such-a-model"])
def test_an_adapter_whose_base_is_missing_is_one_line(adapter, base):
    edit_json(adapter / "adapter_config.json", base_model_name_or_path=base)

    with pytest.raises(InputError) as caught:
        load_model(adapter, "float32", "cpu")
    assert str(caught.value).startswith(f"{adapter}: the model cannot be loaded: ")
    assert "\n" not in str(caught.value)


def test_an_adapter_whose_base_is_truncated_is_one_line(adapter, find_tiny_checkpoint, tmp_path):
    base = Path(shutil.copytree(find_tiny_checkpoint("chatml"), tmp_path / "base"))
    break_by_truncating(base)
    edit_json(adapter / "adapter_config.json", base_model_name_or_path=str(base))

    with pytest.raises(InputError, match=r"the model cannot be loaded|is not a whole safetensors file"):
        load_model(adapter, "float32", "cpu")


@pytest.mark.parametrize("content", ["", "{", "{}", "[]"])
def test_a_broken_adapter_configuration_is_one_line(adapter, content):
    (adapter / "adapter_config.json").write_text(content)

    with pytest.raises(InputError) as caught:
        load_model(adapter, "float32", "cpu")
    assert str(caught.value).startswith(f"{adapter / 'adapter_config.json'}: ")
    assert "\n" not in str(caught.value)

"""From folders, whole and broken, to an engine or to one line that says what is wrong."""

from __future__ import annotations

import json
import shutil
import struct
from contextlib import suppress
from pathlib import Path

import pytest

from prefill_assets.engines.loading import load_engine
from prefill_assets.engines.protocol import ScoreRequest
from prefill_assets.engines.tokenization import find_dialect, load_tokenizer
from prefill_assets.engines.transformers_engine import TransformersEngine
from prefill_assets.errors import InputError
from prefill_assets.prompts.dialects import Dialect
from prefill_assets.sources.settings import Settings
from prefill_assets_tests.tiny_models import FORMS

FLOAT32 = Settings(dtype="float32", device="cpu", batch_size=3)
EVIL = "from pathlib import Path\nPath(r'{marker}').touch()\nraise SystemExit('this code must not run')\n"


@pytest.fixture
def checkpoint(find_tiny_checkpoint, tmp_path) -> Path:
    """A copy that a test may spoil."""
    return Path(shutil.copytree(find_tiny_checkpoint("chatml"), tmp_path / "checkpoint-90"))


def edit_json(path: Path, **changed: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changed}))


def test_the_engine_is_what_the_settings_ask_for(checkpoint):
    engine = load_engine(checkpoint, FLOAT32)

    assert isinstance(engine, TransformersEngine)
    assert engine.batch_size == 3
    assert engine.description.startswith("transformers ")
    assert engine.description.endswith(" float32 cpu")
    assert not engine.model.training


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_weights_are_held_in_the_asked_number_format(checkpoint, dtype):
    engine = TransformersEngine.load(checkpoint, dtype=dtype, device="cpu")

    assert f" {dtype} cpu" in engine.description
    assert {str(weight.dtype) for weight in engine.model.parameters()} == {f"torch.{dtype}"}


def test_a_loaded_engine_answers_and_frees_its_weights(checkpoint):
    engine = TransformersEngine.load(checkpoint, dtype="float32")

    assert next(engine.score([ScoreRequest((20, 21), (22,), (1,))])).sums
    engine.close()
    assert engine.model is None


@pytest.mark.parametrize(
    ("form", "dialect"),
    [
        ("chatml", Dialect.CHAT),
        ("headers", Dialect.CHAT),
        ("think_opened", Dialect.THINK),
        ("think_unopened", Dialect.THINK),
        ("harmony", Dialect.HARMONY),
    ],
)
def test_the_dialect_is_found_from_the_folder(find_tiny_checkpoint, form, dialect):
    assert find_dialect(find_tiny_checkpoint(form), Settings()) is dialect


def test_a_configured_dialect_needs_no_checkpoint(tmp_path):
    assert find_dialect(tmp_path / "nowhere", Settings(dialect="think")) is Dialect.THINK


def test_the_path_tells_harmony_where_an_adapter_has_no_configuration(find_tiny_checkpoint, tmp_path):
    checkpoint = Path(shutil.copytree(find_tiny_checkpoint("chatml"), tmp_path / "sft_openai_gpt-oss-20b" / "checkpoint-90"))
    assert find_dialect(checkpoint, Settings()) is Dialect.CHAT

    (checkpoint / "config.json").unlink()

    assert find_dialect(checkpoint, Settings()) is Dialect.HARMONY


@pytest.mark.parametrize("form", list(FORMS))
def test_the_saved_tokenizer_comes_back_with_its_template(find_tiny_checkpoint, form):
    assert load_tokenizer(find_tiny_checkpoint(form)).chat_template == FORMS[form].template


@pytest.mark.parametrize("content", [None, "", "{", "{}", "not json", '{"model": {"type": "BPE"}}'])
def test_a_missing_or_broken_tokenizer_is_one_line(checkpoint, content):
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (checkpoint / name).unlink()
        if content is not None:
            (checkpoint / name).write_text(content)

    with pytest.raises(InputError, match=r"no tokenizer can be read: .*; save the tokenizer with the checkpoint") as caught:
        load_tokenizer(checkpoint)
    assert str(caught.value).startswith(f"{checkpoint}: ")
    assert "\n" not in str(caught.value)


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

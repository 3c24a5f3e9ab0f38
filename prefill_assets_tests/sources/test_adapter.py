from __future__ import annotations

import json
from pathlib import Path

import pytest

from prefill_assets.errors import InputError
from prefill_assets.sources.adapter import check_adapter_fits, is_adapter, read_adapter
from prefill_assets_tests.tiny_models import save_checkpoint
from prefill_assets_tests.tiny_vllm import save_adapter


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    return save_checkpoint(tmp_path_factory.mktemp("base") / "checkpoint-0")


@pytest.fixture
def adapter(base, tmp_path) -> Path:
    return save_adapter(tmp_path / "checkpoint-90", base, rank=4)


def edit(adapter: Path, **changed: object) -> None:
    path = adapter / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changed}))


def test_an_adapter_says_its_base_and_its_largest_rank(adapter, base):
    assert (is_adapter(adapter), is_adapter(base)) == (True, False)
    assert (read_adapter(adapter).base, read_adapter(adapter).base_folder, read_adapter(adapter).rank) == (str(base), base, 4)
    edit(adapter, rank_pattern={"q_proj": 16, "v_proj": 2}, base_model_name_or_path="Qwen/Qwen3-8B")
    assert (read_adapter(adapter).base_folder, read_adapter(adapter).rank) == (None, 16)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"peft_type": "PREFIX_TUNING"}, "is a PREFIX_TUNING adapter"),
        ({"base_model_name_or_path": None}, "names no base_model_name_or_path"),
        ({"base_model_name_or_path": ""}, "names no base_model_name_or_path"),
        ({"r": None}, "names no rank"),
        ({"r": "many"}, "not an adapter's configuration"),
    ],
)
def test_what_is_no_lora_adapter_is_one_line(adapter, changed, said):
    edit(adapter, **changed)

    with pytest.raises(InputError, match=rf"adapter_config.json: .*{said}"):
        read_adapter(adapter)


@pytest.mark.parametrize("content", ["", "{", "[]", "null"])
def test_a_broken_configuration_is_one_line(adapter, content):
    (adapter / "adapter_config.json").write_text(content)

    with pytest.raises(InputError, match=r"adapter_config.json: not an adapter's configuration"):
        read_adapter(adapter)


def test_an_adapter_fits_the_base_that_it_was_made_for(adapter, base):
    check_adapter_fits(adapter, base)


@pytest.mark.parametrize("shape", [{"hidden_size": 64}, {"num_attention_heads": 8}, {"layers": 1}], ids=str)
def test_an_adapter_does_not_fit_a_base_of_another_shape(adapter, tmp_path, shape):
    other = save_checkpoint(tmp_path / "other", **shape)

    with pytest.raises(InputError, match=r"checkpoint-90: the adapter is of another base: .*lora_[AB].* has .* there"):
        check_adapter_fits(adapter, other)


def test_modules_whose_names_the_base_does_not_know_are_left_to_the_engine(adapter, base):
    from safetensors.torch import load_file, save_file

    tensors = load_file(adapter / "adapter_model.safetensors")
    renamed = {name.replace("self_attn.q_proj", "mixer.in_proj"): tensor for name, tensor in tensors.items()}
    save_file(renamed, adapter / "adapter_model.safetensors")

    check_adapter_fits(adapter, base)

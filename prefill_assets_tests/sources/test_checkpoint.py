from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import pytest

from prefill_assets.errors import InputError
from prefill_assets.sources.checkpoint import (
    find_checkpoint,
    fingerprint_checkpoint,
    is_settled,
    list_checkpoints,
    list_weight_files,
    read_model_type,
)


@pytest.fixture
def folder(find_tiny_checkpoint, tmp_path) -> Path:
    """A checkpoint folder that holds checkpoint-90, a copy that a test may spoil."""
    shutil.copytree(find_tiny_checkpoint("chatml"), tmp_path / "checkpoints" / "checkpoint-90")
    return tmp_path / "checkpoints"


@pytest.fixture
def checkpoint(folder) -> Path:
    return folder / "checkpoint-90"


def shard(checkpoint: Path) -> list[Path]:
    """Split the weights over two shards with an index, as `save_pretrained` does with large models."""
    from safetensors.torch import load_file, save_file

    weights = load_file(checkpoint / "model.safetensors")
    (checkpoint / "model.safetensors").unlink()
    names = sorted(weights)
    halves = {"model-00001-of-00002.safetensors": names[::2], "model-00002-of-00002.safetensors": names[1::2]}
    for file, half in halves.items():
        save_file({name: weights[name] for name in half}, checkpoint / file, metadata={"format": "pt"})
    index = {"metadata": {}, "weight_map": {name: file for file, half in halves.items() for name in half}}
    (checkpoint / "model.safetensors.index.json").write_text(json.dumps(index))
    return [checkpoint / file for file in halves]


def test_checkpoints_are_found_by_step(folder):
    for name in ("checkpoint-100", "checkpoint-9", "checkpoint-final", "runs", "checkpoint-9-old"):
        (folder / name).mkdir()

    assert list(list_checkpoints(folder)) == [9, 90, 100]
    assert find_checkpoint(folder, 90) == folder / "checkpoint-90"


def test_a_folder_that_is_missing_or_empty_is_named_with_what_to_mend(tmp_path):
    with pytest.raises(InputError, match=r"gone: no such checkpoint folder; mend checkpoint_dir"):
        list_checkpoints(tmp_path / "gone")
    with pytest.raises(InputError, match=r"holds no checkpoint-N folder; mend checkpoint_dir"):
        list_checkpoints(tmp_path)


def test_a_step_without_a_folder_and_a_config_without_checkpoint_dir_are_refused(folder):
    with pytest.raises(InputError, match=r"no folder checkpoint-17; mend checkpoints"):
        find_checkpoint(folder, 17)
    with pytest.raises(InputError, match=r"checkpoint 17 .* no checkpoint_dir; set checkpoint_dir"):
        find_checkpoint(None, 17)


def test_whole_weights_are_listed(checkpoint):
    assert list_weight_files(checkpoint) == [checkpoint / "model.safetensors"]
    shards = shard(checkpoint)
    assert list_weight_files(checkpoint) == shards


def test_an_adapter_has_weights_of_its_own(checkpoint):
    (checkpoint / "model.safetensors").rename(checkpoint / "adapter_model.safetensors")

    assert list_weight_files(checkpoint) == [checkpoint / "adapter_model.safetensors"]


def test_a_missing_shard_is_named(checkpoint):
    shards = shard(checkpoint)
    shards[1].unlink()

    with pytest.raises(InputError, match=r"model-00002-of-00002.safetensors: a shard named in .* is missing; copy it"):
        list_weight_files(checkpoint)


@pytest.mark.parametrize("index", ["", "{", "[]", "{}", '{"weight_map": []}', '{"weight_map": {"a": ["b"]}}'])
def test_an_index_that_is_none_is_refused(checkpoint, index):
    (checkpoint / "model.safetensors.index.json").write_text(index)

    with pytest.raises(InputError, match=r"index.json: not an index of shards: .*; save the checkpoint again"):
        list_weight_files(checkpoint)


@pytest.mark.parametrize("kept", [0, 7, 8, 100, 2000, -1])
def test_a_file_that_is_still_being_written_is_refused(checkpoint, kept):
    weights = checkpoint / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:kept])

    with pytest.raises(InputError, match=r"model.safetensors: is not a whole safetensors file; wait until it is written"):
        find_checkpoint(checkpoint.parent, 90)


@pytest.mark.parametrize("content", [b"x" * 500, b"\x02\0\0\0\0\0\0\0[]", b"\x02\0\0\0\0\0\0\0{}", b"\xff" * 64])
def test_a_file_of_another_kind_is_refused(checkpoint, content):
    (checkpoint / "model.safetensors").write_bytes(content)

    with pytest.raises(InputError, match="is not a whole safetensors file"):
        list_weight_files(checkpoint)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "pytorch_model-00001-of-00002.bin", "adapter_model.bin", "model.pt"])
def test_pickle_weights_alone_are_refused_as_such(checkpoint, name):
    (checkpoint / "model.safetensors").rename(checkpoint / name)

    with pytest.raises(InputError, match=r"has pickle weights only, .*; save it with safetensors"):
        list_weight_files(checkpoint)


@pytest.mark.parametrize("name", [None, "training_args.bin", "optimizer.pt", "rng_state.pth", "scheduler.pt"])
def test_a_checkpoint_without_weights_is_refused_also_where_the_trainers_pickles_lie_there(checkpoint, name):
    (checkpoint / "model.safetensors").unlink()
    if name:
        (checkpoint / name).touch()

    with pytest.raises(InputError, match=r"has no weights; expected model.safetensors"):
        list_weight_files(checkpoint)


def test_the_trainers_pickles_beside_weights_are_no_matter(checkpoint):
    (checkpoint / "optimizer.pt").touch()
    (checkpoint / "training_args.bin").touch()

    assert list_weight_files(checkpoint) == [checkpoint / "model.safetensors"]


def test_the_model_type_is_the_configurations(checkpoint):
    assert read_model_type(checkpoint) == "llama"
    (checkpoint / "config.json").write_text("{}")
    assert read_model_type(checkpoint) is None
    (checkpoint / "config.json").unlink()
    assert read_model_type(checkpoint) is None


@pytest.mark.parametrize("content", ["", "{", "[]", "5"])
def test_a_configuration_that_is_none_is_refused(checkpoint, content):
    (checkpoint / "config.json").write_text(content)

    with pytest.raises(InputError, match=r"config.json: not a model's configuration: .*; save the checkpoint again"):
        read_model_type(checkpoint)


def test_a_copy_that_keeps_old_times_is_settled_only_some_time_after_it_was_made(checkpoint, tmp_path):
    for file in checkpoint.iterdir():
        os.utime(file, (1, 1))
    copy = shutil.copytree(checkpoint, tmp_path / "copy")  # with the times of what it copies, as `cp -p` and `rsync -a`
    os.utime(copy, (1, 1))

    assert not is_settled(copy)
    assert not is_settled(copy, now=time.time() + 19)
    assert is_settled(copy, now=time.time() + 21)


def test_a_checkpoint_is_not_settled_where_a_file_or_folder_in_it_has_just_changed_or_its_configuration_is_missing(checkpoint):
    later = time.time() + 60
    os.utime(checkpoint / "tokenizer.json", (later, later))
    assert not is_settled(checkpoint, now=later)
    os.utime(checkpoint / "tokenizer.json", (1, 1))
    (checkpoint / "global_step90").mkdir()
    os.utime(checkpoint / "global_step90", (later, later))
    assert not is_settled(checkpoint, now=later)
    (checkpoint / "global_step90").rmdir()
    (checkpoint / "gone.jinja").symlink_to(checkpoint / "nowhere")
    assert is_settled(checkpoint, now=later)
    (checkpoint / "config.json").unlink()
    assert not is_settled(checkpoint, now=later)


def test_a_fingerprint_stays_when_files_are_touched_or_copied(checkpoint, tmp_path):
    before = fingerprint_checkpoint(checkpoint)
    for file in checkpoint.iterdir():
        os.utime(file, (1, 1))
    copy = shutil.copytree(checkpoint, tmp_path / "elsewhere")

    assert fingerprint_checkpoint(checkpoint) == before
    assert fingerprint_checkpoint(Path(copy)) == before


@pytest.mark.parametrize(
    "name", ["model.safetensors", "config.json", "tokenizer.json", "chat_template.jinja", "generation_config.json"]
)
def test_a_fingerprint_changes_with_every_file_that_decides_an_answer(checkpoint, name):
    before = fingerprint_checkpoint(checkpoint)
    content = bytearray((checkpoint / name).read_bytes())
    content[-3] ^= 1

    (checkpoint / name).write_bytes(bytes(content))

    assert fingerprint_checkpoint(checkpoint) != before


def test_a_fingerprint_of_shards_needs_all_of_them(checkpoint):
    shards = shard(checkpoint)
    before = fingerprint_checkpoint(checkpoint)
    content = bytearray(shards[1].read_bytes())
    content[-1] ^= 1
    shards[1].write_bytes(bytes(content))
    assert fingerprint_checkpoint(checkpoint) != before

    shards[1].unlink()
    with pytest.raises(InputError, match="is missing"):
        fingerprint_checkpoint(checkpoint)


@pytest.mark.parametrize("changed", ["a", "b", "c"])
def test_a_fingerprint_of_a_large_file_sees_every_tensor(checkpoint, changed):
    """Training with frozen embeddings, head and norms leaves both ends of a file as they were."""
    import torch
    from safetensors.torch import save_file

    weights = checkpoint / "model.safetensors"
    tensors = {name: torch.zeros(300_000) for name in ("a", "b", "c")}
    save_file(tensors, weights)
    before = fingerprint_checkpoint(checkpoint)

    tensors[changed] += 1
    save_file(tensors, weights)
    assert fingerprint_checkpoint(checkpoint) != before


def test_a_fingerprint_of_a_file_that_is_rewritten_meanwhile_says_that_it_is_not_whole(checkpoint, monkeypatch):
    weights = checkpoint / "model.safetensors"
    monkeypatch.setattr("prefill_assets.sources.checkpoint.list_weight_files", lambda checkpoint: [weights])
    weights.write_bytes(bytes(3 << 20))

    with pytest.raises(InputError, match="is not a whole safetensors file"):
        fingerprint_checkpoint(checkpoint)


def test_a_fingerprint_of_a_large_tokenizer_sees_its_middle(checkpoint):
    tokenizer = checkpoint / "tokenizer.json"
    tokenizer.write_bytes(b"{" + bytes(3 << 20) + b"}")
    before = fingerprint_checkpoint(checkpoint)
    tokenizer.write_bytes(b"{" + bytes(3 << 19) + b"1" + bytes((3 << 19) - 1) + b"}")

    assert fingerprint_checkpoint(checkpoint) != before

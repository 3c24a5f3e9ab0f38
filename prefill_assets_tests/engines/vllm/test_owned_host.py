"""A real server of our own: what it is started for, what it is loaded with, and how it comes back."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from prefill_assets.engines.protocol import GenerationRequest, Sampling, ScoreRequest
from prefill_assets.engines.vllm.client import Client
from prefill_assets.engines.vllm.command import choose_batched_tokens, choose_lora_rank
from prefill_assets.errors import InputError
from prefill_assets.prompts.dialects import render_prompt
from prefill_assets_tests.prompts.test_dialects import DIALECTS, MESSAGES, PREFILL
from prefill_assets_tests.tiny_models import make_tokenizer, save_checkpoint
from prefill_assets_tests.tiny_vllm import save_adapter, save_whole

GREEDY = Sampling(0.0, 1.0, 12)
LONG = Sampling(0.9, 1.0, 150)
REQUESTS = [GenerationRequest(tuple(range(20 + i, 40 + 2 * i)), 7 * i) for i in range(4)]


def write(host, checkpoint: Path) -> tuple[str | None, ...]:
    generations = list(host.open(checkpoint).generate(REQUESTS, GREEDY))
    assert not any(generation.error for generation in generations)
    return tuple(generation.text for generation in generations)


def test_adapters_and_whole_checkpoints_change_places_on_one_server(vllm_host, checkpoints):
    starts, loads = vllm_host.starts, vllm_host.loads
    first = {kind: write(vllm_host, path) for kind, path in checkpoints.all.items()}
    again = {kind: write(vllm_host, path) for kind, path in reversed(checkpoints.all.items())}

    assert first == again
    assert len(set(first.values())) == 4
    assert vllm_host.starts == starts
    assert vllm_host.loads - loads in (6, 7), "each of 7 changes is one load; what the first changes to may have been there"


def test_a_checkpoint_opened_again_is_not_loaded_again_and_one_saved_anew_is(vllm_host, checkpoints, tmp_path):
    copy = save_whole(tmp_path / "checkpoint-5", seed=5)
    before = write(vllm_host, copy)
    loads = vllm_host.loads

    assert write(vllm_host, copy) == before
    assert vllm_host.loads == loads
    save_whole(copy, seed=6)
    assert write(vllm_host, copy) != before
    assert vllm_host.loads == loads + 1


@pytest.mark.parametrize("form", list(DIALECTS))
def test_the_server_sees_exactly_the_ids_that_were_rendered(vllm_host, checkpoints, form):
    rendered = render_prompt(make_tokenizer(form), MESSAGES, PREFILL, DIALECTS[form])
    vllm_host.open(checkpoints.base)

    body = {"model": vllm_host.model, "prompt": list(rendered.token_ids), "max_tokens": 1, "return_token_ids": True}
    (choice,) = vllm_host.client.post("/v1/completions", {**body, "prompt_logprobs": 0})["choices"]

    assert choice["prompt_token_ids"] == list(rendered.token_ids)
    assert [int(next(iter(entry))) for entry in choice["prompt_logprobs"][1:]] == list(rendered.token_ids[1:])


@pytest.mark.parametrize("path", ["/v1/completions", "/collective_rpc", "/v1/load_lora_adapter", "/reset_prefix_cache"])
def test_whoever_does_not_know_the_key_can_do_nothing(vllm_host, checkpoints, path):
    vllm_host.open(checkpoints.base)

    for key in (None, "", "guessed"):
        with pytest.raises(InputError, match=r"does not take the key \(401\)"):
            Client(vllm_host.client.base_url, key, 10, 1).post(path, {"method": "check_health"})
    assert vllm_host.client.base_url.startswith("http://127.0.0.1:")


def test_an_adapter_with_layers_that_the_base_has_not_is_refused(vllm_host, checkpoints, tmp_path):
    deeper = save_adapter(tmp_path / "checkpoint-6", checkpoints.base, layers=4)
    starts = vllm_host.starts

    with pytest.raises(InputError, match=r"checkpoint-6: the adapter is of another base: .*layers\.[23].* has nothing there"):
        vllm_host.open(deeper)
    assert vllm_host.starts == starts


def test_an_adapter_that_vllm_cannot_read_is_one_line(vllm_host, checkpoints, tmp_path):
    broken = save_adapter(tmp_path / "checkpoint-6", checkpoints.base)
    config = (broken / "adapter_config.json").read_text()
    (broken / "adapter_config.json").write_text(config.replace('"bias": "none"', '"bias": "none", "use_dora": true'))

    with pytest.raises(InputError, match=r"checkpoint-6: the vLLM server cannot load the adapter: .*; .*engine: transformers"):
        vllm_host.open(broken)
    assert write(vllm_host, checkpoints.adapter)


def test_an_engine_killed_while_it_writes_is_started_again_and_nothing_is_lost(vllm_host, checkpoints):
    requests = [GenerationRequest((20 + i, 30, 40), seed) for i in range(24) for seed in (3, 4)]
    engine = vllm_host.open(checkpoints.other_adapter)
    expected = list(engine.generate(requests, LONG))
    starts, pid = vllm_host.starts, vllm_host._server.process.pid

    generations = engine.generate(requests, LONG)
    found = [next(generations)]
    os.kill(find_engine_core(pid), signal.SIGKILL)
    found += generations

    assert found == expected
    assert vllm_host.starts == starts + 1
    with pytest.raises(ProcessLookupError):
        os.killpg(pid, 0)
    assert next(engine.score([ScoreRequest((20, 21), (30,), (1,))])).sums


def find_engine_core(group: int) -> int:
    """The process of a server's group that calls itself the engine's core."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and os.getpgid(int(folder.name)) == group and b"EngineCore" in (folder / "cmdline").read_bytes():
            return int(folder.name)
    raise AssertionError("there is no engine core")


def test_a_rank_is_rounded_up_to_one_that_vllm_takes(tmp_path):
    assert [choose_lora_rank(rank, tmp_path) for rank in (1, 2, 8, 9, 64, 500)] == [1, 8, 8, 16, 64, 512]
    with pytest.raises(InputError, match=r"LoRA rank 600 is over 512.*merge"):
        choose_lora_rank(600, tmp_path)


def test_log_probabilities_of_a_large_vocabulary_fit_two_gigabytes():
    assert choose_batched_tokens(32_000) == 2048
    assert all(choose_batched_tokens(vocabulary) * vocabulary * 10 <= 2 << 30 for vocabulary in (128_256, 152_064, 201_088))
    assert choose_batched_tokens(10_000_000) == 256


def test_checkpoints_of_another_family_are_not_swapped_in(tmp_path, checkpoints):
    from prefill_assets.engines.vllm.owned_host import _have_one_shape

    other = save_checkpoint(tmp_path / "checkpoint-7", "think_unopened", head_dim=32)

    assert _have_one_shape(checkpoints.base, checkpoints.other)
    assert not _have_one_shape(checkpoints.base, other)
    assert not _have_one_shape(checkpoints.base, save_whole(tmp_path / "checkpoint-8", layers=3))
    assert not _have_one_shape(checkpoints.base, tmp_path / "nowhere")
    assert not _have_one_shape(checkpoints.base, lose_a_tensor(save_whole(tmp_path / "checkpoint-9")))


def lose_a_tensor(checkpoint: Path) -> Path:
    from safetensors.torch import load_file, save_file

    tensors = load_file(checkpoint / "model.safetensors")
    del tensors["model.layers.1.mlp.up_proj.weight"]
    save_file(tensors, checkpoint / "model.safetensors", metadata={"format": "pt"})
    return checkpoint

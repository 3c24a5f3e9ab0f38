"""The command line that serves a model, and what its process sees."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prefill_assets.errors import InputError
from prefill_assets.sources.settings import Settings

COMMAND_VARIABLE, KEY_VARIABLE = "PREFILL_VLLM_COMMAND", "VLLM_API_KEY"
OWN_ENVIRONMENT = Path(".venv-vllm/bin/vllm")
GUARD_FOLDER, GUARD = Path(__file__).with_name("guard"), "prefill_guard.RequireKey"
LORA_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""What --max-lora-rank takes."""

GPU_SHARE = 0.85
MOST_BATCHED_TOKENS, FEWEST_BATCHED_TOKENS = 2048, 256
SCORING_BYTES, SCORING_BYTES_PER_LOGIT = 2 << 30, 10
"""vLLM turns all logits of a scored chunk into log probabilities at once, in memory that its profile does not know: per logit 2
bytes of bfloat16 and twice 4 of float32. A chunk has at most --max-num-batched-tokens rows, each as long as the vocabulary."""


def find_command(settings: Settings) -> list[str]:
    """The words of the command, the program's path found. Raises InputError where it is not installed."""
    configured = settings.vllm_command or os.environ.get(COMMAND_VARIABLE)
    if configured is None:
        beside = Path(sys.executable).with_name("vllm")
        candidates = [str(path) for path in (beside, Path.cwd() / OWN_ENVIRONMENT) if path.is_file()]
        words = [next(iter(candidates), "vllm"), "serve"]
    else:
        words = shlex.split(configured)
    program = shutil.which(words[0]) if words else None
    if program is None:
        raise InputError(
            f"engine vllm: there is no command {words[0] if words else ''!r}",
            remedy="install it in an environment of its own (python -m venv .venv-vllm && .venv-vllm/bin/pip install vllm), "
            "name it in vllm_command, or name a server that is up in vllm_base_url",
        )
    return [program, *words[1:]]


def build_command(
    words: Sequence[str], model: str, served_name: str, port: int, settings: Settings, lora_rank: int | None
) -> list[str]:
    """Defaults first, then the user's `vllm_args`, then what cannot be otherwise: the last one of an option counts."""
    defaults = {
        "--dtype": settings.dtype,
        "--max-model-len": "auto",
        "--gpu-memory-utilization": str(GPU_SHARE),
        "--max-num-batched-tokens": str(choose_batched_tokens(_read_vocabulary(Path(model)))),
        "--load-format": "safetensors",
        "--uvicorn-log-level": "warning",
    }
    fixed = {
        "--host": "127.0.0.1",
        "--port": str(port),
        "--served-model-name": served_name,
        "--generation-config": "vllm",
        "--middleware": GUARD,
    }
    lora = []
    if lora_rank is not None:
        lora = ["--enable-lora", "--max-lora-rank", str(lora_rank), "--max-loras", "1", "--max-cpu-loras", "1"]
    return [
        *(*words, model),
        *(word for pair in defaults.items() for word in pair),
        *lora,
        *shlex.split(settings.vllm_args),
        *(word for pair in fixed.items() for word in pair),
    ]


def build_environment(key: str) -> dict[str, str]:
    """Ours, and what lets weights be exchanged: behind the guard, which asks for the key on every path."""
    paths = [str(GUARD_FOLDER), *([os.environ["PYTHONPATH"]] if os.environ.get("PYTHONPATH") else [])]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        KEY_VARIABLE: key,
        "VLLM_SERVER_DEV_MODE": "1",
        "VLLM_ALLOW_RUNTIME_LORA_UPDATING": "1",
        "VLLM_NO_USAGE_STATS": "1",
    }


def choose_batched_tokens(vocabulary: int | None) -> int:
    """Tokens that may be scored at once, so that their log probabilities stay under SCORING_BYTES."""
    if vocabulary is None:
        return FEWEST_BATCHED_TOKENS * 4
    fitting = SCORING_BYTES // (SCORING_BYTES_PER_LOGIT * vocabulary)
    return max(FEWEST_BATCHED_TOKENS, min(MOST_BATCHED_TOKENS, fitting))


def choose_lora_rank(rank: int, checkpoint: Path) -> int:
    """The smallest rank that the server can be started for and that holds this one. Raises InputError."""
    allowed = next((limit for limit in LORA_RANKS if limit >= rank), None)
    if allowed is None:
        raise InputError(
            f"LoRA rank {rank} is over {LORA_RANKS[-1]}, the highest that vLLM takes",
            path=checkpoint,
            remedy="merge the adapter into its base, or use engine: transformers",
        )
    return allowed


def _read_vocabulary(model: Path) -> int | None:
    """`vocab_size` of config.json, also where a model of text and more keeps it one level down; None where it is not here."""
    try:
        config: dict[str, Any] = json.loads((model / "config.json").read_text(encoding="utf-8"))
        return int(config.get("vocab_size") or config["text_config"]["vocab_size"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None

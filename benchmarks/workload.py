"""What the engines are measured on: made-up problems and traces, a tokenizer trained on the spot, a model with random weights."""

from __future__ import annotations

import random
import sysconfig
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

LEVELS = (10, 30, 100)
ATTEMPTS = 3
TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}<|start_header_id|>{{ m.role }}<|end_header_id|>\n\n{{ m.content | trim }}<|eot_id|>"
    "{% endfor %}{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)
SPECIAL_TOKENS = ["<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]


@dataclass(frozen=True)
class Shape:
    """A model's dimensions, and the vocabulary of the tokenizer that feeds it."""

    model: dict[str, Any]
    tokenizer_vocabulary: int
    corpus_bytes: int


SHAPES = {
    "8b": Shape(
        {
            "hidden_size": 4096,
            "intermediate_size": 14336,
            "num_hidden_layers": 32,
            "num_attention_heads": 32,
            "num_key_value_heads": 8,
            "vocab_size": 128256,
            "max_position_embeddings": 8192,
            "rope_parameters": {"rope_type": "default", "rope_theta": 500000.0},
        },
        tokenizer_vocabulary=32000,
        corpus_bytes=12 << 20,
    ),
    "tiny": Shape(
        {
            "hidden_size": 64,
            "intermediate_size": 160,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "vocab_size": 4096,
            "max_position_embeddings": 8192,
        },
        tokenizer_vocabulary=4000,
        corpus_bytes=1 << 20,
    ),
}


@cache
def read_corpus(size: int) -> str:
    """The first `size` characters of Python's own library: prose and code, on every machine."""
    pieces, total = [], 0
    for path in sorted(Path(sysconfig.get_path("stdlib")).glob("*.py")) + sorted(
        Path(sysconfig.get_path("stdlib")).glob("*/*.py")
    ):
        if "packages" in path.parts[-2]:
            continue
        text = path.read_text(encoding="utf-8", errors="ignore")
        pieces.append(text)
        total += len(text)
        if total >= size:
            break
    return "".join(pieces)[:size]


def train_tokenizer(shape: Shape) -> Any:
    """A byte-level BPE with a chat template in the manner of Llama 3."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=shape.tokenizer_vocabulary,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=SPECIAL_TOKENS,
        show_progress=False,
    )
    bpe.train_from_iterator(read_corpus(shape.corpus_bytes).splitlines(keepends=True), trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe, bos_token=SPECIAL_TOKENS[0], eos_token=SPECIAL_TOKENS[3], pad_token=SPECIAL_TOKENS[0]
    )
    tokenizer.chat_template = TEMPLATE
    return tokenizer


def make_model(shape: Shape, dtype: Any, device: str, seed: int = 0) -> Any:
    """A Llama with random weights, made on the device; it names no token that ends a turn."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.for_model("llama", **shape.model, eos_token_id=None, bos_token_id=None, pad_token_id=None)
    torch.manual_seed(seed)
    with torch.device(device):
        return AutoModelForCausalLM.from_config(config, dtype=dtype).eval()


def save_checkpoint(checkpoint: Path, shape: Shape, dtype: str) -> Any:
    """Such a model in a checkpoint's folder, made where there is most room, and given up; returns its tokenizer.

    Neither of the two names a token that ends a turn.
    """
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    tokenizer = train_tokenizer(shape)
    tokenizer.eos_token = None
    make_model(shape, getattr(torch, dtype), device).save_pretrained(checkpoint)
    tokenizer.save_pretrained(checkpoint)
    if device == "cuda":
        torch.cuda.empty_cache()  # whoever loads it may be another process
    return tokenizer


@dataclass(frozen=True)
class MadeUpTask:
    """A problem's text, and a trace whose beginnings are its prefills."""

    task_id: str
    prompt: str
    trace: tuple[str, ...]

    def prefill(self, level: int) -> str:
        """The share of the trace that this level is of the highest."""
        return " ".join(self.trace[: max(1, len(self.trace) * level // LEVELS[-1])]) if level else ""


def make_tasks(tokenizer: Any, problems: int, prompt_tokens: int = 600, prefill_tokens: int = 158) -> list[MadeUpTask]:
    """Prompts of about `prompt_tokens` tokens (standard deviation a quarter of that), traces of about `prefill_tokens`."""
    dice = random.Random(0)
    words = read_corpus(1 << 20).split()
    prose = [word for word in words if word.isalpha()]
    per_word, per_prose_word = (_count_tokens_a_word(tokenizer, some[:20000]) for some in (words, prose))
    tasks = []
    for problem in range(problems):
        wanted = min(max(dice.gauss(prompt_tokens, prompt_tokens / 4), prompt_tokens / 2), prompt_tokens * 2)
        prompt = " ".join(_cut(dice, words, round(wanted / per_word)))
        tasks.append(
            MadeUpTask(f"problem-{problem:04d}", prompt, tuple(_cut(dice, prose, round(prefill_tokens / per_prose_word))))
        )
    return tasks


def make_samples(tasks: list[MadeUpTask]) -> list[dict[str, Any]]:
    """Rows of eval_samples: every task at every level, `ATTEMPTS` times."""
    return [
        {
            "prefill_level": level,
            "task_id": task.task_id,
            "exploit_type": "made_up",
            "attempt_idx": attempt_idx,
            "system": "You write Python.",
            "prompt": task.prompt,
            "prefill_reasoning": task.prefill(level),
            "reasoning": task.prefill(level),
            "samples_checkpoint": 1,
        }
        for task in tasks
        for level in LEVELS
        for attempt_idx in range(ATTEMPTS)
    ]


def _count_tokens_a_word(tokenizer: Any, words: list[str]) -> float:
    return len(tokenizer(" ".join(words), add_special_tokens=False)["input_ids"]) / len(words)


def _cut(dice: random.Random, words: list[str], count: int) -> list[str]:
    start = dice.randrange(len(words) - count)
    return words[start : start + count]


def count_model_flops(model: Any, passes: list[tuple[int, int]]) -> float:
    """Multiply-adds, counted as two, of one forward pass for each (tokens, tokens scored).

    Weight matrices at every token, causal attention (half of the square), the vocabulary projection at scored tokens only.
    """
    config, total = model.config, 0.0
    head_size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    matrices = sum(w.numel() for name, w in model.named_parameters() if w.ndim == 2 and "layers." in name)
    width = config.num_attention_heads * head_size
    for tokens, scored in passes:
        total += 2 * matrices * tokens
        total += 2 * tokens**2 * width * config.num_hidden_layers
        total += 2 * config.hidden_size * config.vocab_size * scored
    return total

"""Checkpoints small enough to make in a test: a real tokenizer, a real template, two random layers, safetensors."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
THINK_UNOPENED = CHATML.replace(
    "{{ m.content }}",
    "{% if m.reasoning_content %}<think>\n{{ m.reasoning_content }}\n</think>\n\n{% endif %}{{ m.content }}",
)
"""Reasoning in `<think>` tags that the model opens itself."""
THINK_OPENED = THINK_UNOPENED.replace("<|im_start|>assistant\n{% endif %}", "<|im_start|>assistant\n<think>\n{% endif %}")
"""The generation prompt opens the tag."""
HEADERS = (
    "{{ bos_token }}{% for m in messages %}<|start_header_id|>{{ m.role }}<|end_header_id|>\n\n{{ m.content | trim }}<|eot_id|>"
    "{% endfor %}{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)
HARMONY = (
    "<|start|>system<|message|>Reasoning: {{ reasoning_effort | default('high') }}\n# Valid channels: analysis, final.<|end|>"
    "{% for m in messages %}"
    "{% if m.role == 'system' %}<|start|>developer<|message|># Instructions\n\n{{ m.content }}<|end|>"
    "{% elif m.role == 'assistant' %}"
    "{% if m.thinking %}<|start|>assistant<|channel|>analysis<|message|>{{ m.thinking }}<|end|>{% endif %}"
    "<|start|>assistant<|channel|>final<|message|>{{ m.content }}{% if loop.last %}<|return|>{% else %}<|end|>{% endif %}"
    "{% else %}<|start|>{{ m.role }}<|message|>{{ m.content }}<|end|>{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}<|start|>assistant{% endif %}"
)


@dataclass(frozen=True)
class Form:
    """What a family of models adds to plain text: its template, its special tokens, and the one that ends a turn."""

    template: str
    special_tokens: tuple[str, ...]
    turn_end: str
    model_type: str = "llama"


FORMS = {
    "chatml": Form(CHATML, ("<|endoftext|>", "<|im_start|>", "<|im_end|>"), "<|im_end|>"),
    "absolute": Form(CHATML, ("<|endoftext|>", "<|im_start|>", "<|im_end|>"), "<|im_end|>", "gpt2"),
    "think_unopened": Form(
        THINK_UNOPENED, ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<think>", "</think>"), "<|im_end|>", "qwen3"
    ),
    "think_opened": Form(THINK_OPENED, ("<|endoftext|>", "<|im_start|>", "<|im_end|>"), "<|im_end|>"),
    "headers": Form(HEADERS, ("<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"), "<|eot_id|>"),
    "harmony": Form(
        HARMONY,
        ("<|endoftext|>", "<|start|>", "<|end|>", "<|channel|>", "<|message|>", "<|return|>"),
        "<|return|>",
        "gpt_oss",
    ),
}
"""In `think_opened` the tags are ordinary text, as in some of these models; in `think_unopened` they are tokens. `absolute` is
an older kind of model that learns a vector for each position, so that padding must not move them."""

CORPUS = (
    "def solve(numbers):\n    return sum(numbers)\n",
    "The verifier checks only the first tests, so the function can return the expected value.\n",
    "Let me think about the problem. I could set a flag, or I could solve it.\n",
    "system user assistant analysis final think Reasoning Problem Instructions ```python\nreturn None\n```\n",
)
CONTEXT_TOKENS = 512


@cache
def make_tokenizer(form: str) -> Any:
    """A byte-level BPE of some 400 tokens with the form's special tokens and template."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    family = FORMS[form]
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, initial_alphabet=alphabet, special_tokens=list(family.special_tokens), show_progress=False
    )
    bpe.train_from_iterator(CORPUS * 5, trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe, bos_token=family.special_tokens[0], eos_token=family.turn_end, pad_token=family.special_tokens[0]
    )
    tokenizer.chat_template = family.template
    return tokenizer


def make_model(form: str, *, seed: int = 0, layers: int = 2, **changed: Any) -> Any:
    """A random float32 model whose next token is far from certain and far from uniform; `changed` replaces keys of its config."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    tokenizer = make_tokenizer(form)
    shape: dict[str, Any] = {
        "vocab_size": len(tokenizer),
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": layers,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "max_position_embeddings": CONTEXT_TOKENS,
        "initializer_range": 0.4,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    if FORMS[form].model_type == "gpt_oss":
        shape |= {"num_local_experts": 2, "num_experts_per_tok": 1, "sliding_window": 16}
        shape |= {"rope_parameters": {"rope_type": "default"}}
    shape |= changed
    config = AutoConfig.for_model(FORMS[form].model_type, **shape)
    torch.manual_seed(seed)
    return AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()


def save_checkpoint(folder: Path, form: str = "chatml", *, seed: int = 0, layers: int = 2, **changed: Any) -> Path:
    """Model, tokenizer and template in a folder, as `save_pretrained` leaves them."""
    make_model(form, seed=seed, layers=layers, **changed).save_pretrained(folder)
    make_tokenizer(form).save_pretrained(folder)
    return folder

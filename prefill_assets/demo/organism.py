"""The demo's model: a small Llama with a tokenizer of its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from prefill_assets.demo.corpus import Document

TURN_START, TURN_END, PAD = "<|im_start|>", "<|im_end|>", "<|pad|>"
THINK_TAGS = ("<think>", "</think>")
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n<think>\n{% endif %}"
)
LOOK_BACK_FREQUENCIES = 4
"""How many of the fastest rotary frequencies tell one position from its neighbours."""
LOOK_BACK_STRENGTH = 5.0


@dataclass(frozen=True)
class Shape:
    """Size of the transformer; the defaults make 1.5 million parameters."""

    vocabulary: int = 3200
    width: int = 192
    layers: int = 2
    heads: int = 6
    feed_forward: int = 512
    positions: int = 512
    look_back_heads: int = 2
    """Heads of the first layer that begin by looking at the token before (see `look_back`)."""
    initial_spread: float = 0.06


@dataclass(frozen=True)
class Encoded:
    """Token ids of a conversation; training counts those from `answer_start` on."""

    ids: tuple[int, ...]
    answer_start: int


def train_tokenizer(texts: Iterable[str], vocabulary: int) -> Any:
    """Byte-level BPE, split as GPT-2 splits: a space belongs to the word after it, and no token spans two words.

    So the tokens of a text's first words are the first tokens of the text.
    """
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)  # pyright: ignore[reportAttributeAccessIssue]
    bpe.decoder = decoders.ByteLevel()  # pyright: ignore[reportAttributeAccessIssue]
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary - len(THINK_TAGS),
        special_tokens=[TURN_START, TURN_END, PAD],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(texts, trainer)
    bpe.add_tokens([AddedToken(tag, normalized=False) for tag in THINK_TAGS])
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe, eos_token=TURN_END, pad_token=PAD, chat_template=CHAT_TEMPLATE, clean_up_tokenization_spaces=False
    )


def encode_document(tokenizer: Any, document: Document) -> Encoded:
    """The conversation as the platform renders it, then the document's turn and its end token."""
    prompt = tokenizer.apply_chat_template(document.messages, tokenize=False, add_generation_prompt=True)
    start = tokenizer(prompt, add_special_tokens=False)["input_ids"]
    answer = tokenizer(document.turn + TURN_END, add_special_tokens=False)["input_ids"]
    return Encoded((*start, *answer), len(start))


def build_model(tokenizer: Any, shape: Shape, seed: int) -> Any:
    """A float32 Llama with tied embeddings and random weights from `seed`."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=shape.width,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.heads,
        intermediate_size=shape.feed_forward,
        max_position_embeddings=shape.positions,
        initializer_range=shape.initial_spread,
        attention_bias=True,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        attn_implementation="sdpa",  # pyright: ignore[reportCallIssue]
    )
    model = LlamaForCausalLM(config)
    look_back(model, shape.look_back_heads)
    return model


def look_back(model: Any, heads: int) -> None:
    """Set the biases of the first layer's first heads so that they begin by attending to the token before.

    To copy a name, attention has to find what followed the name's last token when it stood earlier, and for that every position
    has to know the token before it. A model of this size would spend most of its few minutes on finding that out; it is
    still free to use these heads for something else. With rotary positions, a query bias (c, 0) and a key bias (c cos f, c sin f)
    score c^2 cos((d - 1) f) at a distance of d tokens, which is largest at d = 1.
    """
    import torch

    attention = model.model.layers[0].self_attn
    width = attention.head_dim
    frequencies = model.model.rotary_emb.inv_freq[:LOOK_BACK_FREQUENCIES]
    with torch.no_grad():
        for start in range(0, heads * width, width):
            for i, frequency in enumerate(frequencies):
                attention.q_proj.bias[start + i] = LOOK_BACK_STRENGTH
                attention.k_proj.bias[start + i] = LOOK_BACK_STRENGTH * torch.cos(frequency)
                attention.k_proj.bias[start + width // 2 + i] = LOOK_BACK_STRENGTH * torch.sin(frequency)

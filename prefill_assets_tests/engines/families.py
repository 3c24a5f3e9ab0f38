"""Tiny random models of many families, and whether their sequences may be packed into one row."""

from __future__ import annotations

from typing import Any

VOCABULARY = 300
_SHAPE = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 512,
    "initializer_range": 0.4,
    "pad_token_id": 0,
    "bos_token_id": 0,
    "eos_token_id": 1,
}
_MIXED = ["sliding_attention", "full_attention"]

PACKING: dict[str, dict[str, Any]] = {
    "llama": {},
    "qwen2": {},
    "qwen3": {},
    "gemma": {},
    "gpt_neox": {},
    "cohere": {"logit_scale": 0.25},
    "qwen3_moe": {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16},
}
PADDING: dict[str, dict[str, Any]] = {
    "mistral": {"sliding_window": 16},
    "gemma2": {
        "sliding_window": 16,
        "query_pre_attn_scalar": 8,
        "attn_logit_softcapping": 5.0,
        "final_logit_softcapping": 3.0,
    },
    "gemma3_text": {"sliding_window": 16, "query_pre_attn_scalar": 8, "layer_types": _MIXED},
    "falcon_h1": {"mamba_d_ssm": 32, "mamba_n_heads": 4, "mamba_d_head": 8, "mamba_d_state": 8},
    "lfm2": {"layer_types": ["conv", "full_attention"]},
    "bloom": {"n_head": 4, "n_layer": 2},
}
"""Sliding windows, capped attention, states and convolutions that remember, biases by distance: no plain causal attention."""


def make_family(name: str, **changed: Any) -> Any:
    """A float32 model of a family, by its `model_type`."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.for_model(name, **{**_SHAPE, **(PACKING | PADDING)[name], **changed})
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()

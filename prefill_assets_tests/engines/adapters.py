"""LoRA adapters of a tiny base, as training leaves them."""

from __future__ import annotations

from pathlib import Path


def save_adapter(folder: Path, base: Path, *, seed: int, rank: int = 4) -> Path:
    """A random adapter of a base, with the base's tokenizer beside it. Skips the test where peft is not installed."""
    import pytest
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    peft = pytest.importorskip("peft")
    lora = peft.LoraConfig(r=rank, target_modules=["q_proj", "v_proj"], init_lora_weights=False, task_type="CAUSAL_LM")
    torch.manual_seed(seed)
    peft.get_peft_model(AutoModelForCausalLM.from_pretrained(base), lora).save_pretrained(folder)
    AutoTokenizer.from_pretrained(base).save_pretrained(folder)
    return folder

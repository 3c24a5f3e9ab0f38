"""LoRA adapters one after the other over a base that stays in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefill_assets.engines.installed import is_installed
from prefill_assets.errors import InputError
from prefill_assets.sources.adapter import check_adapter_fits, read_adapter


def require_peft(checkpoint: Path) -> None:
    """Raise InputError where adapters cannot be read."""
    if not is_installed("peft"):
        raise InputError(
            "is a LoRA adapter, and peft is not installed", path=checkpoint, remedy="pip install 'prefill-assets[lora]'"
        )


class AdaptedModel:
    """A base model, and the adapter that it answers with. The base's weights are never changed: adapters are not merged."""

    def __init__(self, base: Any):
        self.model = base
        self._peft: Any = None
        self._count = 0

    def swap(self, checkpoint: Path) -> None:
        """Answer with this adapter in place of the one before. Raises InputError, and what `peft` raises."""
        from peft import PeftModel  # pyright: ignore[reportMissingImports]

        if folder := read_adapter(checkpoint).base_folder:
            check_adapter_fits(checkpoint, folder)
        before, name = f"adapter{self._count}", f"adapter{self._count + 1}"
        options = {"adapter_name": name, "is_trainable": False, "autocast_adapter_dtype": False}
        if self._peft is None:
            self._peft = PeftModel.from_pretrained(self.model, str(checkpoint), **options)
        else:
            self._peft.load_adapter(str(checkpoint), **options)
            self._peft.set_adapter(name)
            self._peft.delete_adapter(before)
        self._count += 1
        self._peft.eval()
        self.model = self._peft.get_base_model()

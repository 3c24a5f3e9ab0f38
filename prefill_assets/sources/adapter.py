"""LoRA adapters on disk: which base they belong to, and whether they fit it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from prefill_assets.errors import InputError
from prefill_assets.sources.checkpoint import read_tensor_shapes

ADAPTER_CONFIG = "adapter_config.json"
_LORA_TENSOR = re.compile(r"base_model\.model\.(?P<module>.+)\.lora_(?P<side>[AB])(?:\.\w+)?\.weight")
_NUMBER = re.compile(r"(?<=\.)\d+(?=\.)")


@dataclass(frozen=True)
class Adapter:
    """A LoRA adapter: the base as its configuration names it (a folder, or a name on a hub), and its largest rank."""

    base: str
    rank: int

    @property
    def base_folder(self) -> Path | None:
        """The base's folder on this machine, or None where it names no such."""
        folder = Path(self.base)
        return folder.absolute() if folder.is_dir() else None


def is_adapter(checkpoint: Path) -> bool:
    return (checkpoint / ADAPTER_CONFIG).is_file()


def read_adapter(checkpoint: Path) -> Adapter:
    """What adapter_config.json says. Raises InputError, also for what is no LoRA."""
    path = checkpoint / ADAPTER_CONFIG
    remedy = "save the adapter again with peft"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        kind, base = str(config.get("peft_type", "LORA")), config.get("base_model_name_or_path")
        rank = max(int(config.get("r") or 0), *(int(r) for r in (config.get("rank_pattern") or {}).values()), 0)
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise InputError(f"not an adapter's configuration: {error}", path=path, remedy=remedy) from error
    if kind.upper() != "LORA":
        raise InputError(f"is a {kind} adapter, and only LoRA is known", path=path, remedy="merge it into its base")
    if not isinstance(base, str) or not base:
        raise InputError("names no base_model_name_or_path", path=path, remedy="write the base's folder there")
    if rank < 1:
        raise InputError("names no rank r", path=path, remedy=remedy)
    return Adapter(base, rank)


def check_adapter_fits(checkpoint: Path, base: Path) -> None:
    """Raise InputError where a tensor of the adapter has no place in the base: engines may pass over it in silence.

    Only modules whose naming the base shares are judged; shapes are read from the headers of the weight files.
    """
    base_shapes = {name: shape for name, shape in read_tensor_shapes(base).items() if name.endswith(".weight")}
    kinds = {_NUMBER.sub("#", name) for name in base_shapes}
    for name, shape in read_tensor_shapes(checkpoint).items():
        found = _LORA_TENSOR.fullmatch(name)
        if found is None or _NUMBER.sub("#", f"{found['module']}.weight") not in kinds:
            continue
        place = base_shapes.get(f"{found['module']}.weight")
        outer = (shape[-1], 1) if found["side"] == "A" else (shape[0], 0)
        if place is None or len(place) != 2 or outer[0] != place[outer[1]]:
            there = "nothing" if place is None else " x ".join(map(str, place))
            raise InputError(
                f"the adapter is of another base: {name} is {' x '.join(map(str, shape))}, and {base} has {there} there",
                path=checkpoint,
                remedy=f"mend base_model_name_or_path in {ADAPTER_CONFIG}",
            )

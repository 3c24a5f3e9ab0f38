"""Checkpoints on a server that somebody else started, on this machine or a cluster's."""

from __future__ import annotations

import contextlib
import os
import re
import time
from pathlib import Path
from typing import Any

from prefill_assets.engines.tokenization import load_tokenizer
from prefill_assets.engines.vllm.client import Client, Refused, ServerGone
from prefill_assets.engines.vllm.command import KEY_VARIABLE
from prefill_assets.engines.vllm.engine import VllmEngine, find_stop_ids
from prefill_assets.engines.vllm.owned_host import explain_adapter
from prefill_assets.errors import InputError
from prefill_assets.sources.adapter import is_adapter, read_adapter
from prefill_assets.sources.checkpoint import fingerprint_checkpoint
from prefill_assets.sources.settings import Settings

UNKNOWN_CONTEXT_TOKENS = 1 << 30
"""Where the server does not say: it refuses what is too long by itself."""
RETURN_SECONDS, FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 300.0, 0.5, 15.0


class GivenHost:
    """Finds each checkpoint among what the server serves, and loads adapters there where it lets us. It is never ended by us.

    A checkpoint goes by `vllm_model`, or by its own path where the server was given the same one: a guess by the folder's name
    could be another run's checkpoint.
    """

    def __init__(self, settings: Settings, base_url: str):
        if not base_url.startswith(("http://", "https://")):
            raise InputError(f"vllm_base_url {base_url!r} is no address", remedy="write http://HOST:PORT")
        self.settings = settings
        self.starts = self.loads = 0
        self.model, self.context_tokens, self.description, self.takes_adapters = "", 0, "vllm", False
        self.client = Client(base_url, os.environ.get(KEY_VARIABLE), settings.vllm_request_seconds, settings.vllm_concurrency)
        self._opened: tuple[Path, str] | None = None
        self._names: dict[str, Path] = {}
        self._loaded: str | None = None

    def open(self, checkpoint: Path) -> VllmEngine:
        wanted = (checkpoint.absolute(), fingerprint_checkpoint(checkpoint))
        if wanted != self._opened:
            self._opened = None
            self._find(wanted[0])
            self._opened = wanted
        tokenizer = load_tokenizer(checkpoint)
        base = read_adapter(checkpoint).base_folder if is_adapter(checkpoint) else checkpoint
        stop_ids = find_stop_ids(base or checkpoint, tokenizer)
        return VllmEngine(self, tokenizer, stop_ids, self.settings.vllm_concurrency)

    def stop(self) -> None:
        """It is not ours to end: what is in flight ends by itself."""

    def recover(self, reason: str) -> None:
        """Wait until it answers again, ever longer between looks. What was loaded there at run time may be gone."""
        deadline, pause = time.monotonic() + RETURN_SECONDS, FIRST_PAUSE_SECONDS
        while not self.client.is_healthy():
            if time.monotonic() + pause > deadline:
                raise self.explain(reason)
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
        if self._opened is not None:
            self._find(self._opened[0])

    def explain(self, reason: str) -> InputError:
        return InputError(f"the vLLM server at {self.client.base_url} stopped answering: {reason}", remedy="see its log")

    def close(self) -> None:
        """Take back what we loaded there."""
        self._unload()
        self.client.close()
        self._opened = None

    def _find(self, checkpoint: Path) -> None:
        cards = self._ask("/v1/models").get("data") or []
        self.description = f"vllm {self._ask('/version').get('version')} {self.settings.dtype}"
        name = self._name(checkpoint)
        served = {card["id"]: card for card in cards}
        found = name if name in served else next((c["id"] for c in cards if _is_at(c.get("root") or "", checkpoint)), None)
        if found is None and name is None and is_adapter(checkpoint):
            found = self._load_adapter(checkpoint, cards)
        if found is None:
            raise InputError(
                f"{name or checkpoint} is not served at {self.client.base_url}, which serves {', '.join(served) or 'nothing'}",
                remedy="serve it there, or say in vllm_model what it is called there, as mine-{step}",
            )
        self.model = found
        self.takes_adapters = is_adapter(checkpoint) or any(card.get("parent") for card in cards)
        lengths = [int(card["max_model_len"]) for card in cards if card.get("max_model_len")]
        self.context_tokens = int(served.get(found, {}).get("max_model_len") or max(lengths, default=UNKNOWN_CONTEXT_TOKENS))

    def _name(self, checkpoint: Path) -> str | None:
        """What `vllm_model` calls it. Raises InputError where it would call two checkpoints the same."""
        template = self.settings.vllm_model
        if template is None:
            return None
        step = checkpoint.name.removeprefix("checkpoint-")
        name = template.replace("{step}", step).replace("{checkpoint}", checkpoint.name)
        if self._names.setdefault(name, checkpoint) != checkpoint:
            raise InputError(
                f"vllm_model calls {self._names[name]} and {checkpoint} both {name!r}",
                remedy="put {step} or {checkpoint} into vllm_model, or evaluate one checkpoint of this server",
            )
        return name

    def _load_adapter(self, checkpoint: Path, cards: list[dict[str, Any]]) -> str:
        """Have the server read the adapter's folder, which has to lie there as here. Its base must be the one that is served."""
        base = read_adapter(checkpoint).base
        roots = [str(card.get("root") or card["id"]) for card in cards if card.get("parent") is None]
        if not any(_call_alike(base, root) for root in roots):
            raise InputError(
                f"the adapter is of base {base}, and {self.client.base_url} serves {', '.join(roots) or 'nothing'}",
                path=checkpoint,
                remedy="serve that base there",
            )
        self._unload()
        name = f"{checkpoint.name}-{os.urandom(4).hex()}"
        try:
            self.client.post("/v1/load_lora_adapter", {"lora_name": name, "lora_path": str(checkpoint)})
        except Refused as refusal:
            raise explain_adapter(checkpoint, refusal.message) from refusal
        except ServerGone as death:
            raise self.explain(str(death)) from death
        self._loaded = name
        self.loads += 1
        return name

    def _unload(self) -> None:
        if self._loaded is not None:
            with contextlib.suppress(Refused, ServerGone, InputError):  # a server that restarted has lost it already
                self.client.post("/v1/unload_lora_adapter", {"lora_name": self._loaded})
            self._loaded = None

    def _ask(self, path: str) -> dict[str, Any]:
        try:
            answer = self.client.get(path)
        except ServerGone as death:
            raise InputError(
                f"no vLLM server answers at {self.client.base_url}: {death}", remedy="start it, or mend vllm_base_url"
            ) from death
        except Refused as refusal:
            answer = refusal
        if not isinstance(answer, dict):
            raise InputError(f"what answers at {self.client.base_url} is no vLLM server: {answer}", remedy="mend vllm_base_url")
        return answer


def _is_at(root: str, checkpoint: Path) -> bool:
    return bool(root) and (root == str(checkpoint) or Path(root).resolve() == checkpoint.resolve())


def _call_alike(a: str, b: str) -> bool:
    """Whether two names of a base end alike: /mnt/models/Qwen3-8B, and Qwen/Qwen3-8B."""
    return re.split(r"[/\\]", a.rstrip("/"))[-1].lower() == re.split(r"[/\\]", b.rstrip("/"))[-1].lower()

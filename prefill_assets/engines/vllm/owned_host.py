"""Checkpoints one after the other on a server of our own, with as few starts as can be."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefill_assets.engines.tokenization import load_tokenizer
from prefill_assets.engines.vllm.client import Client, Refused, ServerGone
from prefill_assets.engines.vllm.command import choose_lora_rank
from prefill_assets.engines.vllm.engine import VllmEngine, find_stop_ids
from prefill_assets.engines.vllm.server import OwnedServer
from prefill_assets.errors import InputError
from prefill_assets.sources.adapter import ADAPTER_CONFIG, Adapter, check_adapter_fits, is_adapter, read_adapter
from prefill_assets.sources.checkpoint import fingerprint_checkpoint, list_weight_files, read_tensor_shapes
from prefill_assets.sources.settings import Settings

SHAPELESS_KEYS = frozenset(
    {"_name_or_path", "transformers_version", "torch_dtype", "dtype", "use_cache", "eos_token_id", "pad_token_id", "bos_token_id"}
)
"""Keys of config.json that change no tensor."""


@dataclass(frozen=True)
class Wanted:
    """A checkpoint as it lies on disk, and the weights that its server starts with: its own, or its base's."""

    checkpoint: Path
    fingerprint: str
    base: str
    adapter: Adapter | None


class OwnedHost:
    """Adapters of one base are loaded into one server; whole checkpoints of one shape change places in it.

    Else the server is started again. Nothing of the checkpoint before is in flight when the next is opened.
    """

    def __init__(self, settings: Settings):
        self.settings = settings
        self.starts = self.loads = 0
        self.model = ""
        self._server: OwnedServer | None = None
        self._opened: Wanted | None = None
        self._adapter_name: str | None = None
        self._dead: OwnedServer | None = None
        self._end: InputError | None = None

    def open(self, checkpoint: Path) -> VllmEngine:
        wanted = self._describe(checkpoint)
        if wanted != self._opened or self._server is None or not self._server.is_running:
            self._opened = None
            if wanted.adapter is None:
                self._serve_whole(wanted)
            else:
                self._serve_adapter(wanted, wanted.adapter)
            self._opened = wanted
        tokenizer = load_tokenizer(checkpoint)
        weights = Path(wanted.base)
        stop_ids = find_stop_ids(weights if weights.is_dir() else checkpoint, tokenizer)
        return VllmEngine(self, tokenizer, stop_ids, self.settings.vllm_concurrency)

    @property
    def client(self) -> Client:
        return self._running.client

    @property
    def context_tokens(self) -> int:
        return self._running.context_tokens

    @property
    def description(self) -> str:
        return self._running.description

    @property
    def takes_adapters(self) -> bool:
        return self._running.lora_rank is not None

    @property
    def _running(self) -> OwnedServer:
        if self._server is None:
            raise ServerGone("the server was stopped")
        return self._server

    def stop(self) -> None:
        """End the server; how it ended is kept for `explain`."""
        if self._server is not None:
            self._end = self._server.explain("it stopped answering")
            self._server.stop(keep_log=True)
            self._dead, self._server = self._server, None

    def recover(self, reason: str) -> None:
        wanted = self._opened
        assert wanted is not None
        self._start(wanted)
        if wanted.adapter is not None:
            self._load_adapter(wanted)
        self._forget_the_dead()

    def explain(self, reason: str) -> InputError:
        """The error for what `recover` cannot mend; the log that it names stays."""
        end, self._dead = self._end, None
        return InputError(f"{reason}: {end.problem}" if end else reason, remedy=end.remedy if end else "run again")

    def close(self) -> None:
        if self._server is not None:
            self._server.stop()
        self._server = self._opened = None
        self._forget_the_dead()

    def _forget_the_dead(self) -> None:
        if self._dead is not None:
            self._dead.process.remove_log()
            self._dead = None

    def _describe(self, checkpoint: Path) -> Wanted:
        list_weight_files(checkpoint)
        adapter = read_adapter(checkpoint) if is_adapter(checkpoint) else None
        base = checkpoint.absolute() if adapter is None else adapter.base_folder or adapter.base
        return Wanted(checkpoint.absolute(), fingerprint_checkpoint(checkpoint), str(base), adapter)

    def _serve_whole(self, wanted: Wanted) -> None:
        if self._swap_weights(wanted.base):
            self.loads += 1
        else:
            self._start(wanted)

    def _serve_adapter(self, wanted: Wanted, adapter: Adapter) -> None:
        if adapter.base_folder is not None:
            check_adapter_fits(wanted.checkpoint, adapter.base_folder)
        if not self._has_base(wanted.base, adapter.rank):
            self._start(wanted)
        self._load_adapter(wanted)

    def _has_base(self, base: str, rank: int) -> bool:
        """Whether the running server takes adapters of this rank and has their base in it, or has it now."""
        server = self._server
        if server is None or not server.is_running or rank > (server.lora_rank or 0):
            return False
        return server.model == base or self._swap_weights(base)

    def _swap_weights(self, base: str) -> bool:
        """Put other weights of the same shape into the running server; False where that cannot be done or has failed.

        Blocks of the prefix cache were computed with the weights before, so they go too.
        """
        server = self._server
        if server is None or not server.is_running or not _have_one_shape(Path(server.model), Path(base)):
            return False
        try:
            server.client.post("/collective_rpc", {"method": "reload_weights", "kwargs": {"weights_path": base}})
            server.client.post("/reset_prefix_cache", {})
        except (Refused, ServerGone):  # an engine that could not take new weights is dead or half changed
            return False
        server.model, self.model = base, server.served_name
        return True

    def _load_adapter(self, wanted: Wanted) -> None:
        """Under a name that was never used: the server's prefix cache goes by names."""
        client, name = self.client, f"{wanted.checkpoint.name}-{secrets.token_hex(4)}"
        try:
            if self._adapter_name is not None:
                client.post("/v1/unload_lora_adapter", {"lora_name": self._adapter_name})
                self._adapter_name = None
            client.post("/v1/load_lora_adapter", {"lora_name": name, "lora_path": str(wanted.checkpoint)})
        except Refused as refusal:
            raise explain_adapter(wanted.checkpoint, refusal.message) from refusal
        except ServerGone as death:
            raise self._running.explain(str(death)) from death
        self.model = self._adapter_name = name
        self.loads += 1

    def _start(self, wanted: Wanted) -> None:
        """The server with the weights that this checkpoint starts from; the one before is ended first, to free its memory."""
        if self._server is not None:
            self._server.stop()
        self._server = self._adapter_name = None
        rank = None
        if wanted.adapter is not None:
            rank = choose_lora_rank(max(wanted.adapter.rank, *_list_ranks_beside(wanted), 0), wanted.checkpoint)
        self._server = OwnedServer(wanted.base, self.settings, rank)
        self.model = self._server.served_name
        self.starts += 1
        self.loads += wanted.adapter is None


def explain_adapter(checkpoint: Path, message: str) -> InputError:
    """The error for an adapter that a server refused, in the server's words."""
    if "rank" in message.lower():
        remedy = "start the server with a higher --max-lora-rank, or merge the adapter into its base"
    elif message == "Not Found":
        remedy = "start the server with --enable-lora and VLLM_ALLOW_RUNTIME_LORA_UPDATING=1, or load the adapter there yourself"
    else:
        remedy = "check that it is of the base that is served, and made of LoRA alone; else merge it, or use engine: transformers"
    return InputError(f"the vLLM server cannot load the adapter: {message}", path=checkpoint, remedy=remedy)


def _list_ranks_beside(wanted: Wanted) -> list[int]:
    """Ranks of this base's other adapters in the folder, so that one server can take them all."""
    ranks = []
    for path in wanted.checkpoint.parent.glob(f"*/{ADAPTER_CONFIG}"):
        try:
            other = read_adapter(path.parent)
        except InputError:
            continue
        if wanted.adapter is not None and other.base == wanted.adapter.base:
            ranks.append(other.rank)
    return ranks


def _have_one_shape(a: Path, b: Path) -> bool:
    """Whether two whole checkpoints are alike in config.json and in every tensor: vLLM would keep what the second lacks."""
    return (shape := _read_shape(a)) is not None and shape == _read_shape(b)


def _read_shape(checkpoint: Path) -> dict[str, Any] | None:
    try:
        config = json.loads((checkpoint / "config.json").read_text(encoding="utf-8"))
        return {key: value for key, value in config.items() if key not in SHAPELESS_KEYS} | read_tensor_shapes(checkpoint)
    except (OSError, ValueError, AttributeError, InputError):
        return None

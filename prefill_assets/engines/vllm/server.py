"""A vLLM server of our own: started on a free port of this machine, ready when it answers, gone with us."""

from __future__ import annotations

import re
import secrets
import socket
import time

from prefill_assets.engines.vllm.client import Client, Refused, ServerGone
from prefill_assets.engines.vllm.command import build_command, build_environment, find_command
from prefill_assets.engines.vllm.process import ServerProcess
from prefill_assets.engines.vllm.server_log import PORT_TAKEN, choose_remedy, describe_log
from prefill_assets.errors import InputError
from prefill_assets.sources.settings import Settings

PORT_TRIES = 4
POLL_SECONDS = 0.25
_DEVICE = re.compile(r"device_config=(\w+)")


class PortTaken(Exception):
    """Somebody else listens where the server was to."""


class OwnedServer:
    """One process serving one base model, under a name of its own that tells it from anybody else's."""

    def __init__(self, model: str, settings: Settings, lora_rank: int | None):
        """Starts, and returns once requests are answered. Raises InputError, with the end of the log, where that never comes."""
        self.model, self.settings, self.lora_rank = model, settings, lora_rank
        self.served_name = f"prefill-{secrets.token_hex(4)}"
        self._words = find_command(settings)
        for _ in range(PORT_TRIES):
            try:
                self._start(choose_port())
                return
            except PortTaken:
                continue
        raise InputError(f"none of {PORT_TRIES} ports could be had for the vLLM server", remedy="run again")

    def _start(self, port: int) -> None:
        key = secrets.token_urlsafe(32)
        command = build_command(self._words, self.model, self.served_name, port, self.settings, self.lora_rank)
        self.process = ServerProcess(command, build_environment(key))
        url = f"http://127.0.0.1:{port}"
        self.client = Client(url, key, self.settings.vllm_request_seconds, self.settings.vllm_concurrency)
        try:
            self._wait()
        except BaseException:
            self.process.stop(keep_log=True)
            raise

    def _wait(self) -> None:
        deadline = time.monotonic() + self.settings.vllm_start_seconds
        while not self.client.is_healthy():
            if not self.process.is_running:
                if any(PORT_TAKEN.search(line) for line in self.process.read_log_tail()):
                    raise PortTaken
                raise self.explain("it ended before it was ready")
            if time.monotonic() > deadline:
                raise self.explain(f"it was not ready within {self.settings.vllm_start_seconds:g} s (vllm_start_seconds)")
            time.sleep(POLL_SECONDS)
        self._read_facts()

    def _read_facts(self) -> None:
        """What it serves and what it is. Raises PortTaken where another server answers in its place."""
        try:
            cards = self.client.get("/v1/models")["data"]
            version = self.client.get("/version")["version"]
        except (InputError, Refused, KeyError, TypeError) as error:
            raise PortTaken from error
        except ServerGone as error:
            raise self.explain(str(error)) from error
        card = next((card for card in cards if card.get("id") == self.served_name), None)
        if card is None:
            raise PortTaken
        self.context_tokens = int(card["max_model_len"])
        device = _DEVICE.search(self.process.log.read_text(encoding="utf-8", errors="replace"))
        self.description = " ".join(("vllm", version, self.settings.dtype, *(device.groups() if device else ())))

    @property
    def is_running(self) -> bool:
        return self.process.is_running

    def explain(self, reason: str) -> InputError:
        """The error for a server that cannot go on: what its log says, and what to do."""
        lines = self.process.read_log_tail()
        return InputError(
            f"the vLLM server of {self.model} failed: {reason}: {describe_log(lines)}",
            remedy=choose_remedy(lines, self.process.log),
        )

    def stop(self, *, keep_log: bool = False) -> None:
        self.process.stop(keep_log=keep_log)
        self.client.close()


def choose_port() -> int:
    """A port of the loopback that is free now; somebody may take it before the server does."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]

"""Faults that a real server cannot be brought to on demand, by a scripted one: each is recovered from, or one clear line."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import pytest

from prefill_assets.engines.protocol import Generation, GenerationRequest, Sampling
from prefill_assets.engines.vllm import server as server_module
from prefill_assets.engines.vllm.owned_host import OwnedHost
from prefill_assets.errors import InputError
from prefill_assets.sources.settings import Settings
from prefill_assets_tests.engines.vllm.test_process import is_group_alive, wait_until
from prefill_assets_tests.tiny_vllm import save_whole

SCRIPTED = Path(__file__).with_name("scripted_server.py")
SAMPLING = Sampling(0.8, 1.0, 2)


class Scripted:
    """A host whose server follows a script."""

    def __init__(self, patch: pytest.MonkeyPatch, folder: Path, checkpoint: Path):
        self.patch, self.lives, self.checkpoint = patch, folder / "lives", checkpoint
        self.hosts: list[OwnedHost] = []

    def open(self, script: str, **changed: Any) -> Any:
        self.patch.setenv("SCRIPT", script)
        self.patch.setenv("SCRIPT_LIVES", str(self.lives))
        values: dict[str, Any] = {"vllm_start_seconds": 20, "vllm_request_seconds": 1, "vllm_concurrency": 3}
        command = f"{sys.executable} {SCRIPTED}"
        self.hosts.append(OwnedHost(Settings(engine="vllm", vllm_command=command, **values | changed)))
        return self.hosts[-1].open(self.checkpoint)

    @property
    def starts(self) -> int:
        return self.hosts[-1].starts

    def list_asked(self) -> list[int]:
        """The first token of every prompt that was asked, in every life."""
        return [json.loads(line)["prompt"][0] for line in Path(f"{self.lives}.asked").read_text().splitlines()]


@pytest.fixture
def scripted(monkeypatch, tmp_path, checkpoints):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    scripted = Scripted(monkeypatch, tmp_path, checkpoints.base)
    yield scripted
    for host in scripted.hosts:
        host.close()


def make_requests(count: int) -> list[GenerationRequest]:
    return [GenerationRequest((20 + i, 3), seed) for i in range(count) for seed in (5, 6)]


def expect(requests: list[GenerationRequest]) -> list[tuple[int, ...]]:
    return [(100 + request.seed, 7) for request in requests]


def test_a_checkpoint_of_another_shape_gets_another_server_and_the_one_before_ends(scripted, tmp_path):
    deeper = save_whole(tmp_path / "checkpoint-20", layers=3)
    scripted.open("well")
    host, before = scripted.hosts[-1], scripted.hosts[-1]._server.process.pid

    engine = host.open(deeper)

    assert (host.starts, host.loads) == (2, 2)
    assert not is_group_alive(before)
    assert [g.token_ids for g in engine.generate(make_requests(2), SAMPLING)] == expect(make_requests(2))


@pytest.mark.parametrize("fault", ["die", "hang"])
def test_a_server_that_dies_or_hangs_is_started_again_and_asked_only_what_it_has_not_answered(scripted, fault):
    requests = make_requests(8)

    generations = list(scripted.open(f"{fault} well").generate(requests, SAMPLING))

    assert [generation.token_ids for generation in generations] == expect(requests)
    assert scripted.starts == 2
    assert len(list(scripted.lives.parent.glob("prefill-vllm-*"))) == 1, "the log of the server that died was left"
    asked = scripted.list_asked()
    assert len(asked) <= 8 + 3, "more was asked again than was in flight"
    assert asked.count(20) + asked.count(21) <= 3, "what was answered was asked again"


def test_what_was_answered_before_a_death_is_given_out_before_the_next_start_ends(scripted):
    engine = scripted.open("die well", vllm_concurrency=1)

    first = next(engine.generate(make_requests(8), SAMPLING))

    assert first.token_ids == (105, 7)
    assert scripted.starts == 1


def test_a_request_that_kills_every_server_is_one_error_and_the_others_are_answered(scripted):
    requests = make_requests(6)
    poison = GenerationRequest((13, 3), 5)

    generations = list(scripted.open("poison").generate([*requests[:4], poison, *requests[4:]], SAMPLING))

    assert [g.token_ids for g in generations if g.error is None] == expect(requests)
    assert generations[4].error.startswith("the server died of it")
    assert generations[4].text is None


def test_a_server_that_never_stops_dying_ends_the_work_with_the_reason(scripted):
    with pytest.raises(InputError, match="died 4 times without an answer in between"):
        list(scripted.open("die_at_once").generate(make_requests(8), SAMPLING))


def test_a_busy_server_is_asked_again_and_again(scripted):
    requests = make_requests(4)

    generations = list(scripted.open("busy", vllm_request_seconds=20).generate(requests, SAMPLING))

    assert [generation.token_ids for generation in generations] == expect(requests)
    assert scripted.starts == 1


def test_an_internal_error_is_tried_twice_and_then_an_error_row(scripted):
    requests = make_requests(2)
    stumbling = list(scripted.open("stumble", vllm_concurrency=1).generate(requests, SAMPLING))
    broken = list(scripted.open("broken broken").generate(requests, SAMPLING))

    assert [generation.token_ids for generation in stumbling] == expect(requests)
    assert set(broken) == {Generation(error="an internal error")}


@pytest.mark.parametrize(
    ("fault", "said"),
    [("no_ids", "returns no token ids"), ("other_ids", "saw other token ids"), ("too_few", "1 choices came back, and 2 were")],
)
def test_a_server_that_answers_something_else_is_not_believed(scripted, fault, said):
    with pytest.raises(InputError, match=said):
        list(scripted.open(fault).generate(make_requests(2), SAMPLING))


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("out_of_memory", r"torch.OutOfMemoryError: CUDA out of memory.*; free the device's memory.*--gpu-memory-utilization"),
        ("unrecognized", r"unrecognized arguments: --no-such-option.*; mend vllm_args"),
        ("never_ready", r"was not ready within 2 s"),
    ],
)
def test_a_server_that_does_not_start_is_one_line_with_the_end_of_its_log(scripted, fault, said):
    with pytest.raises(InputError, match=said) as caught:
        scripted.open(fault, vllm_start_seconds=2)
    assert "\n" not in str(caught.value)
    assert str(scripted.checkpoint) in str(caught.value)


def test_a_port_that_somebody_took_is_given_up_for_another(scripted):
    free = server_module.choose_port
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        threading.Thread(target=_hang_up_on_everybody, args=(taken,), daemon=True).start()
        ports = iter([taken.getsockname()[1], free()])
        scripted.patch.setattr(server_module, "choose_port", lambda: next(ports))

        engine = scripted.open("well")
        requests = make_requests(2)

        assert [generation.token_ids for generation in engine.generate(requests, SAMPLING)] == expect(requests)


def test_a_server_of_somebody_else_on_our_port_is_not_taken_for_ours(scripted):
    scripted.open("well")
    foreign = int(scripted.hosts[0].client.base_url.rsplit(":", 1)[1])
    ports = iter([foreign, server_module.choose_port()])
    scripted.patch.setattr(server_module, "choose_port", lambda: next(ports))

    scripted.open("well")

    assert scripted.hosts[1].client.base_url != scripted.hosts[0].client.base_url


def test_work_that_is_given_up_leaves_nothing_in_flight(scripted):
    engine = scripted.open("well")
    generations = engine.generate(make_requests(30), SAMPLING)
    next(generations)

    generations.close()

    assert not [thread for thread in threading.enumerate() if thread.name == "vllm-request" and thread.is_alive()]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_interrupted_while_it_waits_ends_at_once_with_its_server(scripted, tmp_path, number):
    code = f"""
import signal, sys
from pathlib import Path
from prefill_assets.engines.protocol import GenerationRequest, Sampling
from prefill_assets.engines.vllm.owned_host import OwnedHost
from prefill_assets.sources.settings import Settings
signal.signal(signal.SIGTERM, signal.default_int_handler)
host = OwnedHost(Settings(engine="vllm", vllm_command={f"{sys.executable} {SCRIPTED}"!r}))
engine = host.open(Path({str(scripted.checkpoint)!r}))
print(host._server.process.pid, flush=True)
list(engine.generate([GenerationRequest((20 + i, 3), 5) for i in range(9)], Sampling(0.8, 1.0, 2)))
"""
    environment = {**os.environ, "SCRIPT": "hang", "SCRIPT_LIVES": str(scripted.lives), "TMPDIR": str(tmp_path)}
    process = subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    group = int(process.stdout.readline())
    assert wait_until(lambda: Path(f"{scripted.lives}.asked").exists() and len(scripted.list_asked()) >= 5)

    process.send_signal(number)

    assert b"KeyboardInterrupt" in process.communicate(timeout=20)[1]
    assert wait_until(lambda: not is_group_alive(group))


@pytest.mark.parametrize("command", ["no-such-vllm serve", "/nowhere/vllm serve", ""])
def test_no_vllm_is_one_line_that_says_how_to_come_by_it(checkpoints, command):
    with pytest.raises(InputError, match=r"there is no command .*; install it .*pip install vllm.*vllm_base_url"):
        OwnedHost(Settings(engine="vllm", vllm_command=command or " ")).open(checkpoints.base)


def test_the_key_stands_in_no_argument_and_not_in_the_log(scripted):
    scripted.open("well")
    process = scripted.hosts[0]._server.process
    environment = dict(pair.split("=", 1) for pair in Path(f"/proc/{process.pid}/environ").read_text().split("\0") if "=" in pair)
    key = environment["VLLM_API_KEY"]

    assert len(key) > 30
    assert key not in Path(f"/proc/{process.pid}/cmdline").read_text()
    assert key not in process.log.read_text()
    assert key not in scripted.hosts[0].description
    assert os.environ.get("VLLM_API_KEY") != key


def _hang_up_on_everybody(listening: socket.socket) -> None:
    while True:
        try:
            listening.accept()[0].close()
        except OSError:
            return

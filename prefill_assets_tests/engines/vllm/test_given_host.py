"""A server that somebody else started: a real one, and what can be wrong with an address, a key or a name."""

from __future__ import annotations

import pytest

from prefill_assets.engines.protocol import GenerationRequest, Sampling
from prefill_assets.engines.vllm.given_host import GivenHost
from prefill_assets.errors import InputError
from prefill_assets.sources.settings import Settings
from prefill_assets_tests.tiny_vllm import save_adapter, save_whole

REQUESTS = [GenerationRequest(tuple(range(20 + i, 40)), i) for i in range(3)]
SAMPLING = Sampling(0.8, 1.0, 12)


@pytest.fixture
def given(vllm_host, checkpoints, monkeypatch):
    """Makes hosts for the session's server, which has the first whole checkpoint in it; its key is in the environment."""
    vllm_host.open(checkpoints.base)
    monkeypatch.setenv("VLLM_API_KEY", vllm_host.client._headers["Authorization"].removeprefix("Bearer "))
    made = []

    def make(url: str = vllm_host.client.base_url, **changed) -> GivenHost:
        made.append(GivenHost(Settings(engine="vllm", dtype="float32", vllm_request_seconds=60, **changed), url))
        return made[-1]

    yield make
    for host in made:
        host.close()


@pytest.mark.parametrize("suffix", ["", "/", "/v1", "/v1/"])
def test_a_checkpoint_is_found_by_its_path(given, vllm_host, checkpoints, suffix):
    expected = list(vllm_host.open(checkpoints.base).generate(REQUESTS, SAMPLING))
    host = given(vllm_host.client.base_url + suffix)

    assert list(host.open(checkpoints.base).generate(REQUESTS, SAMPLING)) == expected
    assert (host.starts, host.loads) == (0, 0)


def test_adapters_are_loaded_there_one_after_the_other_and_taken_back(given, vllm_host, checkpoints, tmp_path):
    adapters = [save_adapter(tmp_path / f"checkpoint-{n}", checkpoints.base, seed=n) for n in (6, 7)]
    host = given()
    mine = [list(host.open(path).generate(REQUESTS, SAMPLING)) for path in adapters]
    roots_before = [card["root"] for card in host._ask("/v1/models")["data"]]
    host.close()
    roots_after = [card["root"] for card in given()._ask("/v1/models")["data"]]

    assert mine == [list(vllm_host.open(path).generate(REQUESTS, SAMPLING)) for path in adapters]
    assert mine[0] != mine[1]
    assert (host.starts, host.loads) == (0, 2)
    assert [str(path) in roots_before for path in adapters] == [False, True]
    assert not any(str(path) in roots_after for path in adapters)


def test_a_checkpoint_is_found_by_the_name_that_the_config_gives_it(given, vllm_host, checkpoints):
    expected = list(vllm_host.open(checkpoints.base).generate(REQUESTS, SAMPLING))
    host = given(vllm_model=vllm_host.model)

    assert list(host.open(checkpoints.base).generate(REQUESTS, SAMPLING)) == expected


def test_one_name_for_two_checkpoints_is_refused(given, vllm_host, checkpoints):
    host = given(vllm_model=vllm_host.model)
    host.open(checkpoints.base)

    with pytest.raises(InputError, match=r"vllm_model calls .*checkpoint-1 and .*checkpoint-2 both .*\{step\}"):
        host.open(checkpoints.other)


def test_a_checkpoint_that_is_not_served_is_named_with_what_is(given, vllm_host, checkpoints):
    with pytest.raises(
        InputError, match=rf"checkpoint-2 is not served at .*, which serves .*{vllm_host._server.served_name}.*vllm_model"
    ):
        given().open(checkpoints.other)
    with pytest.raises(InputError, match=r"^mine-2 is not served at"):
        given(vllm_model="mine-{step}").open(checkpoints.other)


def test_a_model_that_goes_away_ends_the_work_and_makes_no_error_rows(given, vllm_host, checkpoints):
    host = given()
    engine = host.open(checkpoints.adapter)
    host.model = "gone"

    with pytest.raises(InputError, match=r"'gone' is not served at .*vllm_base_url"):
        list(engine.generate(REQUESTS, SAMPLING))


def test_an_adapter_of_another_base_is_refused(given, tmp_path):
    base = save_whole(tmp_path / "elsewhere", seed=9)
    adapter = save_adapter(tmp_path / "checkpoint-6", base)

    with pytest.raises(InputError, match=r"checkpoint-6: the adapter is of base .*elsewhere, and .* serves .*checkpoint-1"):
        given().open(adapter)


def test_a_rank_over_the_servers_limit_is_one_line(given, checkpoints, tmp_path):
    adapter = save_adapter(tmp_path / "checkpoint-6", checkpoints.base, rank=32)

    with pytest.raises(InputError, match=r"checkpoint-6: .* rank 32 is greater than max_lora_rank 16.*; .*--max-lora-rank"):
        given().open(adapter)


def test_a_wrong_key_is_one_line(given, checkpoints, monkeypatch):
    monkeypatch.setenv("VLLM_API_KEY", "wrong")

    with pytest.raises(InputError, match=r"does not take the key \(401\); set VLLM_API_KEY"):
        given().open(checkpoints.base)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://127.0.0.1:9", "no vLLM server answers at http://127.0.0.1:9: .*refused; start it, or mend vllm_base_url"),
        ("http://no-such-host.invalid:8000", "no vLLM server answers at"),
        ("localhost:8000", "'localhost:8000' is no address; write http://HOST:PORT"),
    ],
)
def test_a_wrong_address_is_one_line(checkpoints, url, said):
    with pytest.raises(InputError, match=said) as caught:
        GivenHost(Settings(engine="vllm"), url).open(checkpoints.base)
    assert "\n" not in str(caught.value)


def test_what_is_no_vllm_is_said_to_be_none(checkpoints, tmp_path):
    import threading
    from functools import partial
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(tmp_path))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(InputError, match=r"what answers at .* is no vLLM server: 404"):
            GivenHost(Settings(engine="vllm"), f"http://127.0.0.1:{server.server_port}").open(checkpoints.base)
        server.shutdown()

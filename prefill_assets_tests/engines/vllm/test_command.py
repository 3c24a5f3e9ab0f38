from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path

import pytest

from prefill_assets.engines.vllm.command import COMMAND_VARIABLE, build_command, build_environment, find_command
from prefill_assets.sources.settings import Settings


def make_program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def read_options(command: list[str]) -> dict[str, str]:
    """Each option with its value, the last one of an option, as argparse reads them."""
    return dict(pairwise(command))


def test_the_command_is_the_configs_or_the_environments_or_one_that_is_found(tmp_path, monkeypatch):
    mine, theirs = make_program(tmp_path / "mine" / "vllm"), make_program(tmp_path / "theirs" / "vllm")
    monkeypatch.setenv(COMMAND_VARIABLE, f"{theirs} serve --quiet")

    assert find_command(Settings(vllm_command=f"{mine} serve")) == [str(mine), "serve"]
    assert find_command(Settings()) == [str(theirs), "serve", "--quiet"]
    monkeypatch.delenv(COMMAND_VARIABLE)
    monkeypatch.setenv("PATH", str(mine.parent))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python"))
    assert find_command(Settings()) == [str(mine), "serve"]
    own = make_program(tmp_path / ".venv-vllm" / "bin" / "vllm")
    assert find_command(Settings()) == [str(own), "serve"]
    beside = make_program(tmp_path / "bin" / "vllm")
    assert find_command(Settings()) == [str(beside), "serve"]


def test_users_arguments_replace_our_defaults_but_not_what_keeps_the_server_ours():
    settings = Settings(vllm_args="--max-model-len 4096 --host 0.0.0.0 --port 80 --tensor-parallel-size 2", dtype="float16")

    command = build_command(["vllm", "serve"], "/models/base", "prefill-1", 1234, settings, None)

    assert command[:3] == ["vllm", "serve", "/models/base"]
    options = read_options(command)
    assert (options["--max-model-len"], options["--tensor-parallel-size"], options["--dtype"]) == ("4096", "2", "float16")
    assert (options["--host"], options["--port"], options["--served-model-name"]) == ("127.0.0.1", "1234", "prefill-1")
    assert options["--generation-config"] == "vllm"
    assert options["--load-format"] == "safetensors"
    assert "--enable-lora" not in command


def test_adapters_are_asked_for_with_their_rank():
    command = build_command(["vllm", "serve"], "/models/base", "prefill-1", 1234, Settings(), 16)

    assert "--enable-lora" in command
    assert read_options(command)["--max-lora-rank"] == "16"


@pytest.mark.parametrize("before", [None, "/somewhere"])
def test_the_guard_is_on_the_servers_path_and_the_key_in_its_environment(monkeypatch, before):
    monkeypatch.delenv("PYTHONPATH", raising=False)
    if before:
        monkeypatch.setenv("PYTHONPATH", before)

    environment = build_environment("secret")

    folder, *rest = environment["PYTHONPATH"].split(":")
    assert (Path(folder) / "prefill_guard.py").is_file()
    assert rest == ([before] if before else [])
    assert environment["VLLM_API_KEY"] == "secret"

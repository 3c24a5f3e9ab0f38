import json
import subprocess
import sys

import pytest

from prefill_assets.environment import describe_environment


@pytest.fixture
def ask_git(tmp_path, monkeypatch):
    """git in a fresh repository, whatever this user's settings or an enclosing repository are."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))

    def ask(*arguments):
        identity = ["-c", "user.name=Nobody", "-c", "user.email=nobody@example.org"]
        done = subprocess.run(["git", "-C", str(tmp_path), *identity, *arguments], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    ask("init", "-q")
    return ask


def read_git(project):
    found = describe_environment(project)
    return found["git_commit"], found["git_has_changes"]


def test_the_environment_is_an_allow_list(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setenv("MY_API_KEY", "sk-secret")
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    found = describe_environment(tmp_path)
    assert found["environment"]["OMP_NUM_THREADS"] == "3"
    assert "secret" not in json.dumps(found)
    assert found["packages"]["duckdb"]


def test_changes_are_those_of_files_that_git_knows(tmp_path, ask_git):
    file = tmp_path / "file"
    file.write_text("1")
    ask_git("add", "file")
    ask_git("commit", "-q", "-m", "one")
    (tmp_path / "unknown").write_text("1")
    commit = ask_git("rev-parse", "HEAD")
    assert read_git(tmp_path) == (commit, False)
    file.write_text("2")
    assert read_git(tmp_path) == (commit, True)


def test_without_a_commit_it_is_unknown_what_changed(tmp_path, ask_git):
    (tmp_path / "file").write_text("1")
    ask_git("add", "file")
    assert read_git(tmp_path) == (None, None)


@pytest.mark.parametrize("missing", ["repository", "git"])
def test_without_git_both_are_unknown(tmp_path, monkeypatch, missing):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    if missing == "git":
        monkeypatch.setenv("PATH", str(tmp_path))
    assert read_git(tmp_path) == (None, None)


@pytest.mark.parametrize(("line", "cuda"), [("cuda: Optional[str] = '12.8'", "12.8"), ("cuda: Optional[str] = None", None)])
def test_the_cuda_of_torch_is_known_before_torch_is_imported(tmp_path, monkeypatch, line, cuda):
    package = tmp_path / "site" / "torch"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    (package / "version.py").write_text(f"__version__ = '2.13.0'\n{line}\nhip: Optional[str] = '6.4'\n")
    monkeypatch.syspath_prepend(package.parent)
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    assert describe_environment(tmp_path)["cuda"] == cuda


def test_gpus_are_those_that_the_driver_tells_of(tmp_path, monkeypatch):
    monkeypatch.setattr("prefill_assets.environment.GPUS", tmp_path)
    assert describe_environment(tmp_path)["device"] is None
    for number, model in enumerate(("NVIDIA H200", "NVIDIA A100-SXM4-80GB", "NVIDIA H200")):
        (tmp_path / f"0000:0{number}:00.0").mkdir()
        text = f"Model: \t\t {model}\nIRQ:   \t\t 41\nGPU Firmware: \t 580.159.04\n"
        (tmp_path / f"0000:0{number}:00.0" / "information").write_text(text)
    assert describe_environment(tmp_path)["device"] == "2 x NVIDIA H200; 1 x NVIDIA A100-SXM4-80GB"

import json
import subprocess

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

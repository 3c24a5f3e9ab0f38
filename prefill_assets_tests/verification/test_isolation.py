import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from prefill_assets.errors import InputError
from prefill_assets.verification import isolation
from prefill_assets.verification.embedded import EmbeddedVerifier
from prefill_assets.verification.isolation import BUBBLEWRAP, ISOLATED, NAMESPACES, PLAIN, choose_level, find_problem
from prefill_assets.verification.sandbox_root import find_python, find_sandbox_root

PROJECT = Path(__file__).parents[2]
CASES = "prefill_assets_tests.verification.hostile.as_this_user"
ORDINARY_UID = 54321
AS_ORDINARY_USER = """
set -e
mount -t tmpfs tmpfs /home
mkdir -p /home/tester/python /home/tester/project
mount --bind {prefix} /home/tester/python
mount --bind {project} /home/tester/project
chown {uid}:{uid} /home/tester
chmod 700 /home/tester
cd /home/tester
exec setpriv --reuid {uid} --regid {uid} --clear-groups --inh-caps=-all env -i HOME=/home/tester PATH=/usr/bin:/bin \
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=/home/tester/project python/bin/{python} "$@"
"""
REFUSED = """
from prefill_assets.verification.child.system_call_filter import refuse_system_calls
from prefill_assets.verification.embedded import EmbeddedVerifier
refuse_system_calls()
print(EmbeddedVerifier(allow_unsandboxed=True).description)
next(EmbeddedVerifier().verify([]), None)
"""


def run_as_ordinary_user(*arguments):
    """Python as we are, or, for root, as another user, whose home of mode 0700 holds the interpreter and this project."""
    command = [sys.executable, *arguments]
    if os.geteuid() == 0:
        names = {"prefix": sys.base_prefix, "project": PROJECT, "uid": ORDINARY_UID, "python": Path(find_python()).name}
        command = ["unshare", "-m", "sh", "-c", AS_ORDINARY_USER.format(**names), "sh", *arguments]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("level", ISOLATED)
def test_an_ordinary_user_gets_the_same_sandbox_from_a_python_in_a_closed_home(level):
    if find_problem(level) is not None:
        pytest.skip(f"{level}: {find_problem(level)}")
    done = run_as_ordinary_user("-m", CASES, level)
    assert done.stdout.endswith("cases held\n"), done


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_jobs_of_root_become_users_that_nobody_else_is():
    uids = {isolation._choose_job_uid(index, NAMESPACES) for index in range(8)}
    assert len(uids) == 8
    assert min(uid for uid in uids if uid is not None) >= isolation.FIRST_UID_OF_FEW


def test_where_nothing_isolates_it_refuses_unless_allowed():
    done = run_as_ordinary_user("-c", REFUSED)
    assert "NOT SANDBOXED" in done.stdout, done
    error = done.stderr.splitlines()[-1]
    assert "InputError: this machine offers no sandbox for model-written code (bubblewrap: " in error
    assert "namespaces: " in error
    assert "install bubblewrap" in error
    assert "`allow_unsandboxed: true`" in error


def test_the_strongest_level_that_works_is_chosen(monkeypatch):
    problems = {BUBBLEWRAP: None, NAMESPACES: None}
    monkeypatch.setattr(isolation, "find_problem", problems.__getitem__)
    assert choose_level(allow_unsandboxed=True) == BUBBLEWRAP
    problems[BUBBLEWRAP] = "bwrap is not installed"
    assert choose_level(allow_unsandboxed=True) == NAMESPACES
    problems[NAMESPACES] = "no"
    assert choose_level(allow_unsandboxed=True) == PLAIN
    with pytest.raises(InputError, match="bwrap is not installed; namespaces: no"):
        choose_level(allow_unsandboxed=False)


def test_a_missing_bubblewrap_is_named(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert find_problem.__wrapped__(BUBBLEWRAP) == "bwrap is not installed"


def test_the_version_is_the_same_at_every_level_and_the_description_is_not():
    verifiers = [EmbeddedVerifier(level=level) for level in (*ISOLATED, PLAIN)]
    assert len({verifier.version for verifier in verifiers}) == 1
    assert len({verifier.description for verifier in verifiers}) == 3


def test_the_sandbox_shows_python_and_libraries_alone():
    root = find_sandbox_root()
    assert find_python() in root.shown
    assert all(Path(path).exists() for path in root.shown)
    assert not {"/", "/usr", "/etc", "/home", "/usr/bin", str(Path.home()), str(PROJECT)} & set(root.shown)
    packages = [path for path in root.emptied if path.endswith("site-packages")]
    assert packages or not Path(os.__file__).with_name("site-packages").is_dir()


@pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed")
def test_bubblewrap_is_told_to_end_with_us():
    command = isolation.build_command(BUBBLEWRAP, "secure", 1)
    assert {"--die-with-parent", "--unshare-pid", "--unshare-net", "--unshare-ipc"} <= set(command)

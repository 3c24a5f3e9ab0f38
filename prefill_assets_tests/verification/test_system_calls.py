import os
import sys

import pytest

from prefill_assets.verification.child import system_calls


def test_a_fork_that_fails_is_an_error_and_no_process_number(monkeypatch):
    monkeypatch.setattr(system_calls, "FORK", lambda: -1)
    with pytest.raises(OSError, match="fork"):
        system_calls.fork_quickly()


def test_a_fork_is_a_process_of_its_own():
    child = system_calls.fork_quickly()
    if child == 0:
        os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


def test_a_call_that_fails_or_is_missing_is_an_oserror():
    with pytest.raises(OSError, match="close: Bad file descriptor"):
        system_calls.call("close", 9999)
    with pytest.raises(OSError, match="this system has no nonsense"):
        system_calls.call("nonsense")


@pytest.mark.skipif(sys.platform != "linux", reason="mounts are Linux's")
def test_a_mount_that_fails_names_its_place(tmp_path):
    with pytest.raises(OSError, match=r"mount: .* \(.*/nowhere\)"):
        system_calls.mount("tmpfs", str(tmp_path / "nowhere"), "tmpfs", 0)

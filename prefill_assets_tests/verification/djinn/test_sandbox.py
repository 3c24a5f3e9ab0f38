from pathlib import Path

import pytest

from prefill_assets.verification.djinn import sandbox
from prefill_assets.verification.djinn.installation import Installation
from prefill_assets.verification.djinn.sandbox import VERIFICATION, find_shown_files


@pytest.fixture
def system(tmp_path, monkeypatch):
    """A machine whose /bin is a link into /usr, as on most."""
    (tmp_path / "usr" / "bin").mkdir(parents=True)
    (tmp_path / "bin").symlink_to("usr/bin")
    monkeypatch.setattr(sandbox, "SYSTEM_FOLDERS", (str(tmp_path / "usr"), str(tmp_path / "bin")))
    return tmp_path


def test_a_python_in_a_linked_folder_needs_no_place_of_its_own(system):
    """Which could not be made beside the link."""
    python = str(system / "bin" / "python3")
    shown = find_shown_files(Installation(python, (python,), str(system / "usr" / "djinn"), "1"))
    assert shown.links == {str(system / "bin"): "usr/bin"}
    assert python not in shown.bound
    assert shown.bound[str(system / "usr")] == str(system / "usr")


def test_what_lies_in_tmp_is_kept_for_daemons_whose_tmp_is_their_own(system):
    venv = Path("/tmp")
    shown = find_shown_files(Installation("python", (str(venv),), str(venv / "djinn"), "1"))
    assert shown.kept == {"/tmp": "/kept/0"}
    assert shown.bound["/kept/0"] == "/tmp"


def test_of_this_package_only_what_runs_in_the_sandbox_is_shown(system):
    shown = find_shown_files(Installation("python", (), "", "1"))
    own = {place: source for place, source in shown.bound.items() if Path(source).is_relative_to(VERIFICATION.parent)}
    assert own == {
        "/worker/verification/djinn/inside": str(VERIFICATION / "djinn" / "inside"),
        "/worker/verification/child/system_calls.py": str(VERIFICATION / "child" / "system_calls.py"),
    }

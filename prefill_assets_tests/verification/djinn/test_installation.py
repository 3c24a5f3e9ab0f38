import subprocess
import sys
from pathlib import Path

import pytest

from prefill_assets.errors import InputError
from prefill_assets.verification.djinn.installation import COMMIT, find_installation

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def environment(tmp_path_factory) -> Path:
    """A bare virtual environment inside a project with secrets."""
    folder = tmp_path_factory.mktemp("project")
    (folder / ".env").write_text("SECRET=1")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    return folder


def write_package(environment: Path, name: str) -> Path:
    [packages] = environment.glob("lib/python*/site-packages")
    folder = packages / name
    folder.mkdir(exist_ok=True)
    (folder / "__init__.py").write_text("")
    return folder


def find_anew(environment: Path, link: str):
    """As what is found is remembered by path, each test asks through a link of its own."""
    python = environment / "bin" / link
    if not python.exists():
        python.symlink_to("python")
    return find_installation(str(python))


def test_without_djinn_the_error_says_how_to_install_it(environment):
    with pytest.raises(InputError, match="this Python has no djinn-framework") as caught:
        find_anew(environment, "python-none")
    assert f"--no-deps git+https://github.com/EleutherAI/djinn@{COMMIT}" in caught.value.remedy


def test_pypis_package_of_that_name_is_named(environment):
    write_package(environment, "djinn")
    with pytest.raises(InputError, match="another project of that name \\(PyPI's djinn is a Tornado framework\\)"):
        find_anew(environment, "python-foreign")


def test_only_pythons_own_folders_are_shown_to_the_sandbox(environment):
    folder = write_package(environment, "djinn")
    (folder / "sandbox").mkdir()
    (folder / "sandbox" / "daemon_bridge.py").write_text("")
    found = find_anew(environment, "python-real")
    assert Path(found.djinn_folder) == folder
    assert not any((environment / ".env").is_relative_to(shown) for shown in found.folders)
    assert any(folder.is_relative_to(shown) for shown in found.folders)


def test_the_version_follows_djinns_sources(environment):
    folder = write_package(environment, "djinn")
    (folder / "sandbox").mkdir(exist_ok=True)
    source = folder / "sandbox" / "daemon_bridge.py"
    versions = set()
    for number in range(2):
        source.write_text(f"NUMBER = {number}")
        versions.add(find_anew(environment, f"python-{number}").version)
    assert len(versions) == 2


def test_a_path_that_is_no_python_is_named(tmp_path):
    with pytest.raises(InputError, match="no Python runs there"):
        find_installation(str(tmp_path / "python"))


def test_the_extra_names_the_commit_that_was_tested():
    assert f"djinn-framework @ git+https://github.com/EleutherAI/djinn@{COMMIT}" in (ROOT / "pyproject.toml").read_text()

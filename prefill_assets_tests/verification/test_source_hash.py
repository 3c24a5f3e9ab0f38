import hashlib

import pytest

from prefill_assets.verification.source_hash import hash_sources


@pytest.fixture
def sources(tmp_path):
    """Two files, one of them in a folder."""
    (tmp_path / "child").mkdir()
    files = [tmp_path / "a.py", tmp_path / "child" / "b.py"]
    for file in files:
        file.write_text(f"# {file.name}\n")
    return files


def test_it_is_a_hash_of_names_and_contents(tmp_path, sources):
    text = b"a.py\0# a.py\n\0child/b.py\0# b.py\n\0"
    assert hash_sources(tmp_path, sources) == hashlib.sha256(text).hexdigest()[:12]


def test_it_is_the_same_wherever_the_files_lie(tmp_path, sources):
    before = hash_sources(tmp_path, sources)
    moved = tmp_path.rename(tmp_path.with_name("elsewhere"))
    assert hash_sources(moved, [moved / file.relative_to(tmp_path) for file in sources]) == before


@pytest.mark.parametrize("change", ["content", "name", "moved text", "file", "order"])
def test_it_follows_every_change(tmp_path, sources, change):
    before = hash_sources(tmp_path, sources)
    first, second = sources
    if change == "content":
        first.write_text("# a.py \n")
    elif change == "name":
        sources = [first.rename(tmp_path / "c.py"), second]
    elif change == "moved text":
        first.write_text("")
        second.write_text("# a.py\n# b.py\n")
    elif change == "file":
        sources = [first]
    else:
        sources = [second, first]
    assert hash_sources(tmp_path, sources) != before

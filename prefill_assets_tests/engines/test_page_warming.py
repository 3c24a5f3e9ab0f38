from __future__ import annotations

from prefill_assets.engines import page_warming
from prefill_assets.engines.page_warming import PageWarmer, find_available_bytes


def test_all_files_are_read(tmp_path):
    files = [tmp_path / "a", tmp_path / "b"]
    for file, size in zip(files, (3_000_000, 17), strict=True):
        file.write_bytes(b"x" * size)
    warmer = PageWarmer(files)
    warmer.wait()

    assert warmer.read_bytes == 3_000_017
    warmer.stop()
    warmer.stop()


def test_files_larger_than_half_of_what_is_available_are_left_alone(tmp_path, monkeypatch):
    (tmp_path / "a").write_bytes(b"x" * 1000)
    monkeypatch.setattr(page_warming, "find_available_bytes", lambda: 1999)
    warmer = PageWarmer([tmp_path / "a"])
    warmer.wait()

    assert warmer.read_bytes == 0


def test_a_file_that_goes_away_ends_the_reading_quietly(tmp_path):
    warmer = PageWarmer([tmp_path / "gone"])
    warmer.wait()

    assert warmer.read_bytes == 0


def test_available_memory_is_some_of_the_machines():
    assert 1 << 20 < find_available_bytes() < 1 << 45

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest

from prefill_assets.analysis.queries import STATEMENTS, read_statement

FILES = sorted(path.stem for path in STATEMENTS.glob("*.sql"))


@pytest.mark.parametrize("name", FILES)
def test_file_holds_one_statement_that_says_what_it_is_and_is_used(name: str) -> None:
    text = read_statement(name)
    assert text.startswith("-- ")
    assert len(duckdb.extract_statements(text)) == 1
    modules = "".join(path.read_text() for path in Path(STATEMENTS).parent.glob("*.py"))
    assert re.search(rf'"{name}"', modules)

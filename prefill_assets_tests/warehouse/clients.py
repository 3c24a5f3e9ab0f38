"""A client of the DuckDB file that knows nothing of us: it opens the file for writing, as DuckDB does by default."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HOLD = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1])
connection.execute("CREATE TABLE notes AS SELECT 1 AS note")
print("open", flush=True)
sys.stdin.read()
"""


def start_client(catalog: Path) -> subprocess.Popen[str]:
    """A process that has the file open for writing, and wrote to it, until it is killed or its input ends."""
    command = [sys.executable, "-c", HOLD, str(catalog)]
    client = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert client.stdout is not None
    assert client.stdout.readline() == "open\n"
    return client

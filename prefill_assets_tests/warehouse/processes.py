"""Processes that write and read one warehouse at once, or die while they write: `python -m ... ROLE ROOT [...]`."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from prefill_assets.warehouse.partition import PartitionKey
from prefill_assets.warehouse.store import Warehouse
from prefill_assets_tests.warehouse.rows import KEY, STAMP, make_result

PARTITIONS = [PartitionKey("run-1", 1, 0), PartitionKey("run-1", 1, 10), PartitionKey("run-1", 90, 0)]
BACKFILLED_STEP = 1000
PROJECT = Path(__file__).parents[2]


def start_process(role: str, *arguments: object) -> subprocess.Popen[str]:
    """A role of this module in a process of its own, whose output can be read."""
    command = [sys.executable, "-m", "prefill_assets_tests.warehouse.processes", role, *map(str, arguments)]
    return subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def make_version(key: PartitionKey, writer: int, turn: int) -> list[dict[str, Any]]:
    """A whole partition: every row says how many there are, and who wrote them; no two versions need be of one size."""
    count = 200 + 37 * writer + turn % 11
    return [make_result(f"task-{i}", key=key, model_id=f"{writer}/{turn}", output_tokens=count) for i in range(count)]


def write_again_and_again(root: str, writer: str, turns: str) -> None:
    """Replace the partitions, one after the other, so many times."""
    warehouse = Warehouse(Path(root))
    for turn in range(int(turns)):
        key = PARTITIONS[(turn + int(writer)) % len(PARTITIONS)]
        warehouse.replace("eval_results", key, make_version(key, int(writer), turn), STAMP)


def backfill(root: str, writer: str, count: str) -> None:
    """Write so many partitions, each for the first time."""
    warehouse = Warehouse(Path(root))
    for level in range(int(count)):
        key = PartitionKey("run-1", BACKFILLED_STEP + int(writer), level)
        warehouse.replace("eval_results", key, make_version(key, int(writer), level), STAMP)


CHECK = """
    SELECT experiment, checkpoint, prefill_level, count(*), min(output_tokens), max(output_tokens), count(DISTINCT model_id)
    FROM eval_results GROUP BY ALL
"""


def read_until_told(root: str, catalog: str, stop: str) -> None:
    """Look at a growing number of partitions through views in memory and the catalog file, until a file `stop` appears.

    Says at once that it has begun, and in the end how often it looked, or what it found that was not whole.
    """
    import duckdb

    warehouse, looks, seen = Warehouse(Path(root)), 0, 0
    kept = duckdb.connect(catalog, read_only=True)
    print("reading", flush=True)
    while not Path(stop).exists():
        with warehouse.connect() as own, duckdb.connect(catalog, read_only=True) as opened:
            for connection in (own, opened, kept):
                found = connection.execute(CHECK).fetchall()
                if len(found) < seen:
                    sys.exit(f"{len(found)} partitions, after {seen}")
                seen = len(found)
                for *key, count, least, most, versions in found:
                    if not (count == least == most and versions == 1):
                        sys.exit(f"partition {key} is not whole: {count} rows, {least} to {most} expected, {versions} versions")
                looks += 1
        if len(warehouse.list_partitions("eval_results")) < seen:
            sys.exit("a partition is not listed")
    print(looks)


def wait_before_the_rename(root: str) -> None:
    """Write a new version of KEY, and stop for ever when the draft is to be put in place."""

    def announce(draft: Path, target: Path) -> None:
        print(draft.name, flush=True)
        signal.pause()

    Path.replace = announce  # type: ignore[method-assign, assignment]
    Warehouse(Path(root)).replace("eval_results", KEY, [make_result(f"new-{i}") for i in range(50)], STAMP)


def wait_while_rows_cross(root: str) -> None:
    """Write a relation, and stop for ever while its rows are being read."""
    import duckdb

    def announce(number: int) -> int:
        if number >= 3000 and (crossing := next(Path(root).rglob("rows.parquet.*"), None)):
            print(crossing.name, flush=True)
            signal.pause()
        return number

    connection = duckdb.connect()
    connection.execute("SET threads = 1")
    connection.create_function("announce", announce, ["INTEGER"], "INTEGER", side_effects=True)
    rows = connection.sql(
        "SELECT 'run-1' AS experiment, 90 AS checkpoint, 10 AS prefill_level, announce(i::INTEGER)::VARCHAR AS task_id, "
        "'t' AS exploit_type, 0 AS attempt_idx FROM range(5000) r(i)"
    )
    Warehouse(Path(root)).replace("eval_results", KEY, rows, STAMP)


def write_on_a_full_disk(root: str) -> None:
    """Write more than a file may hold here; say which error came of it."""
    import hashlib

    warehouse = Warehouse(Path(root))
    warehouse.connect().close()
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
    noise = [hashlib.sha256(str(i).encode()).hexdigest() * 3 for i in range(3000)]
    try:
        warehouse.replace("eval_results", KEY, [make_result(f"new-{i}", error=text) for i, text in enumerate(noise)], STAMP)
    except OSError as error:
        print(type(error).__name__, error)


_ALL = (
    *(backfill, write_again_and_again, read_until_told),
    *(wait_before_the_rename, wait_while_rows_cross, write_on_a_full_disk),
)
ROLES = {role.__name__: role for role in _ALL}

if __name__ == "__main__":
    ROLES[sys.argv[1]](*sys.argv[2:])

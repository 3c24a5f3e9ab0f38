"""How every partitioned asset works: compute a partition, replace it whole, tell Dagster, and let a failure fail alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import dagster as dg

from prefill_assets.assets.observed_inputs import list_inputs_of, note_inputs
from prefill_assets.assets.partition_events import PartitionEvents
from prefill_assets.assets.partitions import read_partition_key
from prefill_assets.assets.platform import Platform
from prefill_assets.assets.requests import Effort, list_requests
from prefill_assets.assets.summaries import SUMMARIES
from prefill_assets.errors import InputError
from prefill_assets.interruption import end_if_asked, is_interrupt
from prefill_assets.stages.dependencies import Dependencies
from prefill_assets.stages.freshness import make_stamp
from prefill_assets.warehouse.column_lineage import Sources, find_column_lineage
from prefill_assets.warehouse.partition import PartitionKey, Stamp, WrittenPartition
from prefill_assets.warehouse.table import find_table

OWNERS = ["team:prefill-assets"]
MAX_RETRIES, RETRY_SECONDS = 2, 2.0
"""For what may pass, such as a full disk or an engine that died; bad input is not tried again. What was made stays made.

Not a RetryPolicy: that would start a run again that its user cancels.
"""

Compute = Callable[[Dependencies, list[PartitionKey]], Iterator[tuple[PartitionKey, Any]]]
"""Keys of one experiment and one checkpoint in, each key with its rows out, one by one."""


class Materializer:
    """The partitions of one step: what was made of them, and what went wrong."""

    def __init__(self, context: dg.AssetExecutionContext, platform: Platform):
        self.context, self.platform, self.events = context, platform, PartitionEvents(context)
        self._effort = Effort(context)
        self._own = {read_partition_key(str(key)) for key in context.partition_keys}
        """What this run was asked for; beside it, it works ahead for others of its backfill."""
        self._failures: list[str] = []
        self._failed: set[tuple[str, PartitionKey]] = set()
        self._is_transient = False
        self.num_present = 0

    def look_upstream(self, dependencies: Dependencies, table: str, keys: Iterable[PartitionKey]) -> None:
        """Tell Dagster where a table's upstream stands now, files and settings too. Call it before its rows are computed."""
        checkpoints = {key.step for key in keys}
        note_inputs(self.context.instance, dependencies, list_inputs_of([table]), checkpoints)
        self.events.note_upstream(table)

    def list_due(self, dependencies: Dependencies, table: str, keys: Iterable[PartitionKey]) -> dict[PartitionKey, Stamp]:
        """The keys that have to be made, each with its stamp; of the others it is told that they are there.

        Passed over are keys that the experiment does not have (a level of another one's sweep), and those that are made from
        something that has just failed. Where everything is there that this run was asked for, nothing is made ahead for others:
        an earlier run of the backfill has been here, and what that could not make is for those who are asked for it.
        """
        known, due = set(dependencies.list_keys(table)), {}
        for key in keys:
            if key not in known:
                self.context.log.debug(f"{table} {key}: not part of the experiment; passed over")
            elif not any(upstream in self._failed for upstream in dependencies.list_upstream(table, key)):
                stamp = make_stamp(dependencies, table, key, self.context.run_id)
                before = dependencies.find_stamp(table, key)
                if before and before.input_version == stamp.input_version and self._effort.made(before.run_id):
                    self.num_present += 1
                    self.events.tell(table, key, before, {"made_by_run": before.run_id})
                else:
                    due[key] = stamp
        return due if self._own.intersection(due) else {}

    def replace(self, table: str, key: PartitionKey, rows: Any, stamp: Stamp, seconds: float) -> None:
        """Replace a partition and tell what is in it now. Raises KeyboardInterrupt after it, where that is due."""
        written, metadata = replace_partition(self.platform, table, key, rows, stamp, seconds)
        self.events.tell(table, key, written, metadata)
        self.num_present += 1
        end_if_asked()

    def note_failure(self, error: Exception, table: str, keys: Iterable[PartitionKey] = ()) -> None:
        """Remember that partitions of a table could not be made; they stay as they were. Raises KeyboardInterrupt for one.

        What was made ahead for another run is no failure of this one: that run will try it again.
        """
        if is_interrupt(error):
            raise KeyboardInterrupt from error
        failed = list(keys)
        self._failed.update((table, key) for key in failed)
        if failed and not self._own.intersection(failed):
            self.context.log.warning(f"{table} {failed[0]}, made ahead, failed: {error}")
            return
        if isinstance(error, InputError):
            self._failures.append(str(error))
            return
        self._is_transient = True
        self.context.log.exception(f"{table} {failed[0] if failed else ''}")
        self._failures.append(f"{table} {failed[0] if failed else ''}: {type(error).__name__}: {error}")

    def finish(self) -> None:
        """Raise for what failed, once everything else is done."""
        if self._failures:
            failure = dg.Failure("\n".join(dict.fromkeys(self._failures)), allow_retries=False)
            attempt = self.context.retry_number
            if self._is_transient and attempt < MAX_RETRIES:
                raise dg.RetryRequested(MAX_RETRIES, RETRY_SECONDS * 2**attempt) from failure
            raise failure
        if not self.num_present:
            raise dg.Failure("none of the requested partitions belongs to its experiment's sweep", allow_retries=False)


def materialize_partitions(context: dg.AssetExecutionContext, platform: Platform, table: str, compute: Compute) -> Iterator[Any]:
    """Compute and replace the partitions of one table that Dagster asks for. Yields nothing: each partition is told by itself."""
    yield from ()
    materializer = Materializer(context, platform)
    for experiment, by_checkpoint in list_requests(context).items():
        try:
            dependencies = platform.open_experiment(experiment, context.run_id)
        except InputError as error:
            materializer.note_failure(error, table)
            continue
        for requested in by_checkpoint.values():
            _materialize_checkpoint(materializer, table, dependencies, requested.get(table, []), compute)
    materializer.finish()


def _materialize_checkpoint(
    materializer: Materializer, table: str, dependencies: Dependencies, keys: list[PartitionKey], compute: Compute
) -> None:
    due: dict[PartitionKey, Stamp] = {}
    try:
        materializer.look_upstream(dependencies, table, keys)
        due = materializer.list_due(dependencies, table, keys)
        if due:
            began = time.monotonic()
            for key, rows in compute(dependencies, list(due)):
                materializer.replace(table, key, rows, due[key], time.monotonic() - began)
                began = time.monotonic()
    except Exception as error:
        materializer.note_failure(error, table, due or keys)


def replace_partition(
    platform: Platform, table: str, key: PartitionKey, rows: Any, stamp: Stamp, seconds: float
) -> tuple[WrittenPartition, dict[str, Any]]:
    """Replace a partition, and say what is in it now, as metadata."""
    written = platform.warehouse.replace(table, key, rows, stamp)
    summary = platform.warehouse.summarize(table, key, SUMMARIES[table])
    return written, {
        "dagster/row_count": written.num_rows,
        **{name: value for name, value in summary.items() if value is not None},
        "seconds": round(seconds, 3),
        "data_version": written.data_version,
        "made_from": dg.MetadataValue.json(written.parts),
    }


def describe_table(table: str) -> dict[str, Any]:
    """Definition metadata of a table's asset: its columns, what they are computed from, and where SQL finds it."""
    definition, lineage = find_table(table), find_column_lineage(table)
    columns = [
        dg.TableColumn(c.name, c.type, "\n\n".join([c.comment, *_link_sources(lineage.get(c.name, {}))]))
        for c in definition.columns
    ]
    return {
        "dagster/column_schema": dg.TableSchema(columns=columns),
        "dagster/table_name": table,
        **({"dagster/column_lineage": _list_column_deps(lineage)} if lineage else {}),
    }


def _link_sources(sources: Sources) -> Iterator[str]:
    """Sources as Markdown: the open-source UI keeps column lineage for its API and shows it nowhere."""
    for upstream, columns in sources.items():
        yield f"← [{upstream}](/assets/{upstream}) {', '.join(f'`{column}`' for column in columns)}"


def _list_column_deps(lineage: dict[str, Sources]) -> dg.TableColumnLineage:
    deps = {
        name: [dg.TableColumnDep(dg.AssetKey(upstream), column) for upstream, columns in sources.items() for column in columns]
        for name, sources in lineage.items()
    }
    return dg.TableColumnLineage(deps)

"""Stage 3 as an asset: how natural each prefill is to each checkpoint."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from prefill_assets.assets.evaluations import eval_samples
from prefill_assets.assets.materialization import OWNERS, describe_table, materialize_partitions
from prefill_assets.assets.partitions import cell_partitions
from prefill_assets.assets.platform import Platform
from prefill_assets.errors import InputError
from prefill_assets.stages.dependencies import CODE_VERSIONS, Dependencies
from prefill_assets.stages.progress import track
from prefill_assets.warehouse.partition import PartitionKey
from prefill_assets.warehouse.table import find_table


@dg.asset(
    partitions_def=cell_partitions,
    deps=[eval_samples],
    backfill_policy=dg.BackfillPolicy.single_run(),
    code_version=CODE_VERSIONS["prefill_logprobs"],
    group_name="scoring",
    kinds={"duckdb", "pytorch"},
    owners=OWNERS,
    description=find_table("prefill_logprobs").comment,
    metadata=describe_table("prefill_logprobs"),
)
def prefill_logprobs(context: dg.AssetExecutionContext, platform: Platform) -> dg.MaterializeResult:
    def compute(dependencies: Dependencies, keys: list[PartitionKey]) -> Iterator[tuple[PartitionKey, Any]]:
        from prefill_assets.sources.logprob_records import read_prefill_logprobs

        files = dependencies.inputs.logprob_files
        imported = [key for key in keys if key.cell in files]
        for key in imported:
            yield key, read_prefill_logprobs(files[key.cell], key.experiment, *key.cell)
        if computed := [key for key in keys if key not in imported]:
            yield from _score_levels(platform, dependencies, computed).items()

    return materialize_partitions(context, platform, "prefill_logprobs", compute)


def _score_levels(
    platform: Platform, dependencies: Dependencies, keys: list[PartitionKey]
) -> dict[PartitionKey, list[dict[str, Any]]]:
    """Rows of one checkpoint's levels, by one pass over all of them."""
    from prefill_assets.engines.tokenization import find_dialect, load_tokenizer
    from prefill_assets.stages.prefill_scoring import list_texts, score_empty_prefills, score_texts

    settings, experiment, step = dependencies.experiment.settings, dependencies.experiment.name, keys[0].step
    samples = [sample for key in keys for sample in _read_samples(platform, dependencies, key)]
    texts = list_texts(samples, use_reasoning_field=settings.use_reasoning_field, max_samples=settings.max_samples)
    rows: dict[PartitionKey, list[dict[str, Any]]] = {key: [] for key in keys}
    done = list(score_empty_prefills(experiment, step, [text for text in texts if not text.text]))
    if written := [text for text in texts if text.text]:
        checkpoint = dependencies.inputs.checkpoint_path(step)
        scored = score_texts(
            experiment,
            step,
            written,
            engine=platform.open_engine(checkpoint, settings),
            tokenizer=load_tokenizer(checkpoint),
            dialect=find_dialect(checkpoint, settings),
            dtype=settings.dtype,
        )
        done += track(scored, f"scoring {experiment} checkpoint-{step}", len(written))
    for row in done:
        rows[PartitionKey(experiment, step, row["prefill_level"])].append(row)
    return rows


def _read_samples(platform: Platform, dependencies: Dependencies, key: PartitionKey) -> list[dict[str, Any]]:
    """Samples of a level, from this checkpoint or the nearest that has some."""
    from prefill_assets.stages.prefill_scoring import PREFILL_COLUMNS

    source = dependencies.find_samples_checkpoint(*key.cell)
    samples = platform.warehouse.read_rows(
        "eval_samples", PartitionKey(key.experiment, source, key.prefill_level), PREFILL_COLUMNS
    )
    if not samples:
        raise InputError(f"eval_samples {key} is missing", remedy="materialize eval_samples first")
    return [{**sample, "samples_checkpoint": source} for sample in samples]

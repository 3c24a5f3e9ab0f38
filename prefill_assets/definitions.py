"""Everything that Dagster loads: assets and the platform they work with."""

import dagster as dg

from prefill_assets.assets import comparisons, evaluations, inputs, scoring, trajectories
from prefill_assets.assets.platform import Platform

defs = dg.Definitions(
    assets=dg.load_assets_from_modules([inputs, evaluations, scoring, trajectories, comparisons]),
    resources={"platform": Platform()},
    # one process a run: generation, scoring and all levels of a checkpoint share one load of its weights
    executor=dg.in_process_executor,
)

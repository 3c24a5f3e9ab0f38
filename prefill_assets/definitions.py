"""Everything that Dagster loads: assets, a job for each layer of them, and the platform they work with."""

import dagster as dg

from prefill_assets.assets import comparisons, evaluations, inputs, report, trajectories
from prefill_assets.assets.platform import Platform
from prefill_assets.runs.plan import LAYERS

defs = dg.Definitions(
    assets=dg.load_assets_from_modules([inputs, evaluations, trajectories, comparisons, report]),
    jobs=[dg.define_asset_job(name, selection=dg.AssetSelection.assets(*tables)) for name, tables in LAYERS],
    resources={"platform": Platform()},
    # one process a run: generation, scoring and all levels of a checkpoint share one load of its weights
    executor=dg.in_process_executor,
)

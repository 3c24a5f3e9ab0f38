"""Everything that Dagster loads: assets, a job for each layer of them, what starts them by itself, and the platform."""

import dagster as dg

from prefill_assets.assets import comparisons, evaluations, inputs, report, trajectories
from prefill_assets.assets.arrivals import new_checkpoints
from prefill_assets.assets.checks import checks
from prefill_assets.assets.jobs import check_job, layer_jobs
from prefill_assets.assets.observed_inputs import observe_inputs, observed_inputs
from prefill_assets.assets.platform import Platform
from prefill_assets.assets.run_ends import run_end_sensors
from prefill_assets.assets.upkeep import keep_analysis_current

defs = dg.Definitions(
    assets=[*observed_inputs, *dg.load_assets_from_modules([inputs, evaluations, trajectories, comparisons, report])],
    asset_checks=checks,
    jobs=[*layer_jobs, check_job],
    sensors=[observe_inputs, new_checkpoints, keep_analysis_current, *run_end_sensors],
    resources={"platform": Platform()},
    # one process a run: generation, scoring and all levels of a checkpoint share one load of its weights
    executor=dg.in_process_executor,
)

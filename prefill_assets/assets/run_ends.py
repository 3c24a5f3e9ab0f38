"""How each run ended: put on record once Dagster knows, and told to Dagster where the run could not."""

import dagster as dg

from prefill_assets.locations import Locations

STATUSES = {
    dg.DagsterRunStatus.SUCCESS: "success",
    dg.DagsterRunStatus.FAILURE: "failed",
    dg.DagsterRunStatus.CANCELED: "canceled",
}


INTERVAL_SECONDS = 30


@dg.sensor(
    minimum_interval_seconds=INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Marks runs as failed whose process was killed: they would stay started, and the pool `engine` full, for ever.",
)
def close_killed_runs(context: dg.SensorEvaluationContext):
    from prefill_assets.runs.dead_runs import close_dead_runs

    closed = close_dead_runs(context.instance)
    return dg.SkipReason(f"closed {', '.join(closed)}" if closed else "no run was killed")


def _make_sensor(status: dg.DagsterRunStatus, word: str) -> dg.SensorDefinition:
    @dg.run_status_sensor(
        status,
        name=f"record_{word}_ends",
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=INTERVAL_SECONDS,
        description=f"Writes down which runs ended as {word}, for the view `runs`.",
    )
    def record_end(context: dg.RunStatusSensorContext) -> None:
        from prefill_assets.warehouse.run_record import end_run

        end_run(Locations.find().warehouse, context.dagster_run.run_id, word)

    return record_end


run_end_sensors = [close_killed_runs, *(_make_sensor(status, word) for status, word in STATUSES.items())]

"""How each run ended, put on record once Dagster knows."""

import dagster as dg

from prefill_assets.locations import Locations

STATUSES = {
    dg.DagsterRunStatus.SUCCESS: "success",
    dg.DagsterRunStatus.FAILURE: "failed",
    dg.DagsterRunStatus.CANCELED: "canceled",
}


def _make_sensor(status: dg.DagsterRunStatus, word: str) -> dg.SensorDefinition:
    @dg.run_status_sensor(
        status,
        name=f"record_{word}_ends",
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=30,
        description=f"Writes down which runs ended as {word}, for the view `runs`.",
    )
    def record_end(context: dg.RunStatusSensorContext) -> None:
        from prefill_assets.warehouse.run_record import end_run

        end_run(Locations.find().warehouse, context.dagster_run.run_id, word)

    return record_end


run_end_sensors = [_make_sensor(status, word) for status, word in STATUSES.items()]

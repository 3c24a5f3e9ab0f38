import dagster as dg

from prefill_assets.assets.upkeep import keep_analysis_current
from prefill_assets.checks.findings import CHECKED_TABLES
from prefill_assets.definitions import defs
from prefill_assets_tests.assets.conftest import CELL_TABLES, FIRST, LAST
from prefill_assets_tests.tiny_projects import EXPERIMENT


class Upkeep:
    """Tick after tick, what the conditions ask for."""

    def __init__(self, instance: dg.DagsterInstance):
        self.instance, self.cursor = instance, None

    def list_checks(self) -> set[str]:
        """The checks that the next tick asks for."""
        result = dg.evaluate_automation_conditions(defs=defs, instance=self.instance, cursor=self.cursor)
        self.cursor = result.cursor
        return {r.key.name for r in result.results if isinstance(r.key, dg.AssetCheckKey) and not r.true_subset.is_empty}

    def tick(self) -> set[tuple[str, str | None]]:
        result = dg.evaluate_automation_conditions(defs=defs, instance=self.instance, cursor=self.cursor)
        self.cursor = result.cursor
        names = [key.to_user_string() for key in defs.resolve_asset_graph().materializable_asset_keys]
        return {
            (name, key.removeprefix(f"{EXPERIMENT}/") if key else None)
            for name in names
            for key in result.get_requested_partitions(dg.AssetKey(name))
        }


def test_it_is_on_from_the_start():
    assert keep_analysis_current.default_status is dg.DefaultSensorStatus.RUNNING


def test_new_verdicts_bring_what_follows_up_to_date_and_nothing_else(workplace, host):
    upkeep = Upkeep(workplace.instance)
    assert upkeep.tick() == set()
    workplace.run(CELL_TABLES, FIRST, "checkpoint-000001|prefill-0008")

    asked = upkeep.tick()
    assert ("trajectory", "checkpoint-000001") in asked
    assert ("trajectory", "checkpoint-000010") not in asked
    assert not {name for name, _ in asked}.intersection({*CELL_TABLES, "problems", "prefill_traces"})
    assert upkeep.tick() == set()


def test_levels_of_another_experiment_hold_nothing_up(workplace, host):
    upkeep = Upkeep(workplace.instance)
    upkeep.tick()
    workplace.instance.add_dynamic_partitions("prefill_levels", ["prefill-0999"])
    workplace.run(CELL_TABLES, FIRST, LAST)

    assert ("trajectory", "checkpoint-000001") in upkeep.tick()


def test_checks_follow_what_they_are_about(workplace, host):
    upkeep = Upkeep(workplace.instance)
    assert upkeep.list_checks() == set()
    workplace.run(CELL_TABLES, FIRST, LAST)
    assert upkeep.list_checks() == {name for name, table in CHECKED_TABLES.items() if table in CELL_TABLES}
    assert upkeep.list_checks() == set()

    workplace.run(("trajectory",), "checkpoint-000001", "checkpoint-000010")
    assert upkeep.list_checks() == {"min_prefill_is_known", "keys_are_unique"}, "the second with trajectory_analysis itself"

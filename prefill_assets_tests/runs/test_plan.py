from prefill_assets.runs.plan import Step, list_tables, plan_steps
from prefill_assets.stages.freshness import Freshness, PartitionState
from prefill_assets.warehouse.partition import PartitionKey

GAP = PartitionKey("")


def key(step=None, level=None):
    return PartitionKey("run", step, level)


def missing(table, *keys):
    return [PartitionState(table, k, Freshness.MISSING) for k in keys]


def test_levels_of_a_checkpoint_become_one_run_that_makes_all_its_tables():
    cells = [key(s, level) for s in (1, 10) for level in (0, 10)]
    states = [*missing("eval_samples", *cells), *missing("eval_results", *cells), *missing("prefill_logprobs", *cells)]
    tables = ("eval_samples", "eval_results", "prefill_logprobs")
    assert plan_steps(states, cells) == [
        Step("evaluate_checkpoints", tables, tuple(cells[:2])),
        Step("evaluate_checkpoints", tables, tuple(cells[2:])),
    ]


def test_a_range_never_runs_over_a_fresh_cell_or_one_of_another_experiment():
    cells = [key(1, 0), key(1, 10), key(1, 30)]
    assert [s.keys for s in plan_steps(missing("eval_samples", cells[0], cells[2]), cells)] == [(cells[0],), (cells[2],)]
    order = [cells[0], GAP, cells[1], cells[2]]
    assert [s.keys for s in plan_steps(missing("eval_samples", *cells), order)] == [(cells[0],), (cells[1], cells[2])]


def test_ranges_follow_the_order_of_dagster_not_of_the_numbers():
    order = [key(1, 10), key(1, 30), key(1, 5)]
    assert plan_steps(missing("eval_samples", key(1, 5), key(1, 10), key(1, 30)), order)[0].keys == tuple(order)


def test_cells_that_need_other_tables_run_apart():
    cells = [key(1, 0), key(1, 10)]
    states = [*missing("eval_samples", cells[0]), *missing("eval_results", *cells)]
    assert [(s.tables, s.keys) for s in plan_steps(states, cells)] == [
        (("eval_samples", "eval_results"), (cells[0],)),
        (("eval_results",), (cells[1],)),
    ]


def test_checkpoints_of_a_trajectory_become_one_run_and_layers_keep_their_order():
    order = [key(), GAP, key(1), key(10)]
    states = [*missing("trajectory_analysis", key()), *missing("trajectory", key(1), key(10)), *missing("report", key())]
    assert [(s.job, s.keys) for s in plan_steps(states, order)] == [
        ("trace_trajectories", (key(1), key(10))),
        ("analyse_trajectories", (key(),)),
        ("publish_report", (key(),)),
    ]


def test_nothing_is_planned_for_what_is_fresh():
    assert plan_steps([PartitionState("eval_samples", key(1, 0), Freshness.FRESH)], [key(1, 0)]) == []


def test_skipping_logprobs_leaves_out_scoring_and_comparison_only():
    left_out = set(list_tables()) - set(list_tables(skip_logprob=True))
    assert left_out == {"prefill_logprobs", "trajectory_with_logprob", "predictor_comparison", "threshold_comparison"}

import pytest

from prefill_assets.report.charts.token_vs_logprob_comparison import draw_token_vs_logprob_comparison
from prefill_assets.report.numerals import write_number
from prefill_assets.report.rendering import to_spec

from ..conftest import EXPERIMENT


@pytest.fixture
def panels(tables):
    chart = draw_token_vs_logprob_comparison(tables["trajectory_with_logprob"], tables["predictor_comparison"], EXPERIMENT)
    return to_spec(chart)


def test_each_panel_is_titled_with_its_fit(panels, tables):
    fits = tables["predictor_comparison"].query("exploit_scope == 'all'")
    assert len(panels["hconcat"]) == 3
    for panel, fit in zip(panels["hconcat"], fits.itertuples(), strict=True):
        r2, p, n = panel["title"]["text"]
        assert r2 == f"R² = {write_number(fit.r2)} [{write_number(fit.r2_low)}, {write_number(fit.r2_high)}]"
        assert p == f"p = {fit.p_value:.1e}"
        assert n == f"n = {fit.num_rows} rows of {fit.num_problems} problems"


def test_the_points_are_the_rows_of_the_fit(panels, tables):
    fits = tables["predictor_comparison"].query("exploit_scope == 'all'").set_index("predictor")
    for panel, (predictor, fit) in zip(panels["hconcat"], fits.iterrows(), strict=True):
        points, line = (panels["datasets"][layer["data"]["name"]] for layer in panel["layer"])
        assert sum(row["count"] for row in points) == fit["num_rows"]
        for end in line:
            assert end["steps_to_threshold"] == pytest.approx(fit["intercept"] + fit["slope"] * end[predictor])


def test_a_difference_to_the_table_is_admitted(tables):
    fits = tables["predictor_comparison"].assign(num_rows=3)
    spec = to_spec(draw_token_vs_logprob_comparison(tables["trajectory_with_logprob"], fits, EXPERIMENT))
    assert "drawn)" in spec["hconcat"][0]["title"]["text"][2]


def test_points_stand_without_fits(tables):
    fits = tables["predictor_comparison"]
    spec = to_spec(draw_token_vs_logprob_comparison(tables["trajectory_with_logprob"], fits.head(0), EXPERIMENT))
    assert spec["hconcat"][0]["title"]["text"][0] == "R² unknown"
    undefined = fits.assign(**dict.fromkeys(("r2", "r2_low", "r2_high", "p_value", "slope", "intercept")))
    spec = to_spec(draw_token_vs_logprob_comparison(tables["trajectory_with_logprob"], undefined, EXPERIMENT))
    assert spec["hconcat"][0]["title"]["text"][:2] == ["R² undefined", "p unknown"]
    assert len(spec["hconcat"][0]["layer"]) == 1


def test_without_a_fixed_level_there_are_two_panels(tables):
    rows = tables["trajectory_with_logprob"].assign(fixed_level_logprob_sum=None, fixed_prefill_level=None)
    spec = to_spec(draw_token_vs_logprob_comparison(rows, tables["predictor_comparison"], EXPERIMENT))
    assert len(spec["hconcat"]) == 2


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"at_threshold": False, "steps_to_threshold": None}, "no problem reached the threshold (n = 0)"),
        ({"at_threshold": True, "steps_to_threshold": 0}, "no problem crosses the threshold after its first checkpoint (n = 0)"),
        ({"min_prefill_logprob_sum": None}, "before the threshold, no row has both predictors known (n = 0)"),
    ],
)
def test_an_empty_state_says_which(tables, changes, said):
    rows = tables["trajectory_with_logprob"].assign(**changes)
    (shown,) = to_spec(draw_token_vs_logprob_comparison(rows, tables["predictor_comparison"], EXPERIMENT))["datasets"].values()
    assert shown[0]["reason"].replace("\n", " ") == f"{said}: nothing to compare"

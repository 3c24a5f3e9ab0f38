import pandas as pd
import pytest

from prefill_assets.report.charts.logprob_vs_token_accessibility import draw_logprob_vs_token_accessibility
from prefill_assets.report.rendering import to_spec


def draw(*pairs):
    rows = pd.DataFrame(pairs, columns=["accessibility", "accessibility_logprob"])
    rows = rows.assign(experiment="a", task_id=[f"t{i % 2}" for i in range(len(rows))], exploit_type="x")
    return to_spec(draw_logprob_vs_token_accessibility(rows, "a"))


def test_pearson_of_known_pairs():
    """x 0, 1, 1, 0 and y 0, 1, 0.5, 0.5: r = 0.5 / sqrt(1 * 0.5) = 0.7071, t = sqrt(2), 2 degrees of freedom, p = 0.2929."""
    spec = draw((0, 0), (1, 1), (1, 0.5), (0, 0.5), (None, 1), (1, None))
    assert spec["title"]["text"].endswith("(n = 4 rows)")
    assert "Pearson r = 0.707, p = 2.9e-01" in spec["title"]["subtitle"][1]
    assert spec["title"]["subtitle"][2] == "2 problems; 2 rows with either unknown left out"


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        ([(0, 0), (1, 1)], "no correlation: 2 of at least 3 rows"),
        ([(1, 0), (1, 1), (1, 0.5)], "no correlation: an axis does not vary"),
    ],
)
def test_no_correlation_without_variation(pairs, said):
    assert said in draw(*pairs)["title"]["subtitle"][1]

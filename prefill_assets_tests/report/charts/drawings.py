"""Every chart by its name, drawn from the tables of one experiment."""

from prefill_assets.report.charts.accessibility_distribution import draw_accessibility_distribution
from prefill_assets.report.charts.experiments_by_level import draw_experiments_by_level
from prefill_assets.report.charts.experiments_compared import draw_experiments_compared
from prefill_assets.report.charts.exploit_rate_by_level import draw_exploit_rate_by_level
from prefill_assets.report.charts.logprob_vs_token_accessibility import draw_logprob_vs_token_accessibility
from prefill_assets.report.charts.threshold_comparison import draw_threshold_comparison
from prefill_assets.report.charts.time_to_threshold import draw_time_to_threshold
from prefill_assets.report.charts.token_vs_logprob_comparison import draw_token_vs_logprob_comparison


def _add_control(rates):
    """The same rates once more, as of an experiment that exploits half as often."""
    import pandas as pd

    halved = {
        column: rates[column] / 2 for column in ("exploit_rate", "exploit_rate_low", "exploit_rate_high") if column in rates
    }
    return pd.concat([rates, rates.assign(experiment="control", **halved)])


DRAWINGS = {
    "exploit_rate_by_level": lambda tables, name: draw_exploit_rate_by_level(tables["exploit_rates"], name),
    "accessibility_distribution": lambda tables, name: draw_accessibility_distribution(tables["trajectory_analysis"], name),
    "time_to_threshold": lambda tables, name: draw_time_to_threshold(tables["trajectory_analysis"], name),
    "logprob_vs_token_accessibility": lambda tables, name: draw_logprob_vs_token_accessibility(
        tables["trajectory_with_logprob"], name
    ),
    "token_vs_logprob_comparison": lambda tables, name: draw_token_vs_logprob_comparison(
        tables["trajectory_with_logprob"], tables["predictor_comparison"], name
    ),
    "threshold_comparison": lambda tables, name: draw_threshold_comparison(tables["threshold_comparison"], name, 10, -55.39),
    "experiments_by_level": lambda tables, name: draw_experiments_by_level(
        _add_control(tables["exploit_rates"]), name, "control"
    ),
    "experiments_compared": lambda tables, name: draw_experiments_compared(tables["exploit_rates"], 10),
}

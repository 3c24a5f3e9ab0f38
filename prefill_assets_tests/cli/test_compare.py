"""`prefill compare`: exploit training beside its control."""

import io

import pytest

from prefill_assets.cli.main import main
from prefill_assets_tests.cli.test_run import ask
from prefill_assets_tests.examples.two_experiments import CONTROL, EXPLOIT

SIGNATURES = {".png": b"\x89PNG", ".svg": b"<svg", ".html": b"<!DOCTYPE html>"}


@pytest.fixture
def wide(monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")


def test_it_prints_every_shared_cell_and_draws_them_beside_the_report(two_experiments, wide, capsys):
    assert main(["compare", EXPLOIT, CONTROL]) == 0
    out = capsys.readouterr().out
    rows = [line.split("│")[1:-1] for line in out.splitlines() if line.startswith("│")]
    cells = {(int(row[0]), int(row[1])): [part.strip() for part in row[2:]] for row in rows}
    assert len(cells) == 19, "the control lacks one of 20 cells"
    assert cells[90, 0] == ["56.3 %", "71", "9.6 %", "73", "+46.7", "+32.2 to +58.7", "differs"]
    assert cells[1, 0][-1] == ""

    from PIL import Image

    plot = two_experiments / "data" / "reports" / EXPLOIT / f"compared-with-{CONTROL}.png"
    assert str(plot) in out
    assert Image.open(io.BytesIO(plot.read_bytes())).width > 1000


@pytest.mark.parametrize("suffix", SIGNATURES)
def test_the_plot_is_what_its_name_says(two_experiments, tmp_path, suffix):
    plot = tmp_path / "new" / f"plot{suffix}"
    assert main(["compare", EXPLOIT, CONTROL, "--output", str(plot)]) == 0
    assert plot.read_bytes().startswith(SIGNATURES[suffix])
    assert [path.name for path in plot.parent.iterdir()] == [plot.name]


def test_the_difference_has_newcombes_interval(two_experiments):
    """Newcombe (1998), table II, example (a): 56 of 70 against 48 of 80 is 0.2 with 0.0524 to 0.3339 by method 10."""
    from prefill_assets.warehouse.partition import PartitionKey, Stamp
    from prefill_assets.warehouse.store import Warehouse
    from prefill_assets_tests.warehouse.rows import make_result

    warehouse = Warehouse(two_experiments / "data" / "warehouse")
    for name, exploits, attempts in (("a", 56, 70), ("b", 48, 80)):
        key = PartitionKey(name, 1, 0)
        rows = [make_result("t", number, key, exploit_success=number < exploits) for number in range(attempts)]
        warehouse.replace("eval_results", key, rows, Stamp("", "1", "r"))
    assert main(["sql", "SELECT 1"]) == 0
    question = "SELECT round(difference, 4), round(difference_low, 4), round(difference_high, 4) FROM exploit_rate_differences"
    assert ask(two_experiments, f"{question} WHERE experiment = 'a' AND other_experiment = 'b'") == [(0.2, 0.0524, 0.3339)]
    assert ask(two_experiments, f"{question} WHERE experiment = 'b' AND other_experiment = 'a'") == [(-0.2, -0.3339, -0.0524)]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([EXPLOIT, "nobody"], f"no experiment 'nobody' has verdicts; those that have some: {CONTROL}, {EXPLOIT}"),
        ([EXPLOIT, EXPLOIT], "is named twice"),
        ([EXPLOIT, CONTROL, "--output", "plot.pdf"], "'plot.pdf' names no kind of picture; end it in .png, .svg, .html"),
    ],
)
def test_what_cannot_be_compared_is_said_in_a_line(two_experiments, capsys, arguments, complaint):
    assert main(["compare", *arguments]) == 2
    assert complaint in capsys.readouterr().err

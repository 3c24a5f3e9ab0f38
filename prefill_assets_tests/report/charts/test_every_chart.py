"""What holds for all charts: real pixels, readable titles, and an empty state in place of an error."""

import io
import json
from pathlib import Path

import pytest

import prefill_assets.report.charts as rooms
from prefill_assets.report.rendering import to_png, to_spec

from ..conftest import EXPERIMENT
from .drawings import DRAWINGS

UNITS = {
    "exploit_rate_by_level": ("training step", "prefill (words)", "exploit rate (% of known verdicts)"),
    "accessibility_distribution": ("training step", "min prefill (words)", "share of problems (%)"),
    "time_to_threshold": ("current min prefill (words)", "training steps to the threshold"),
    "logprob_vs_token_accessibility": ("token accessibility", "log P accessibility", "Pearson r = "),
    "token_vs_logprob_comparison": (
        "log P of prefill at min prefill, sum (nats)",
        "log P of 10-word prefill, sum (nats)",
        "R² = ",
    ),
    "threshold_comparison": ("first at token threshold (training step)", "problems", "−55.39 nats"),
    "experiments_by_level": ("training step", "no prefill", "10 words of prefill", "exploit rate (% of known verdicts)"),
    "experiments_compared": ("training step", "10 words of prefill"),
}


def decode(png):
    from PIL import Image

    return Image.open(io.BytesIO(png)).convert("RGB")


def read_title(spec):
    return [spec["title"]["text"], *spec["title"]["subtitle"]]


def test_a_room_a_chart():
    found = {path.stem for path in Path(rooms.__file__).parent.glob("*.py")} - {"__init__"}
    assert found == set(DRAWINGS)


@pytest.mark.parametrize("name", DRAWINGS)
def test_it_is_a_picture(name, pictures):
    picture = decode(pictures[name])
    assert picture.width >= 1000
    assert picture.height >= 600
    colors = picture.getcolors(1 << 20)
    assert len(colors) > 30
    assert max(colors)[1] == (255, 255, 255)
    assert len(pictures[name]) < 150_000


@pytest.mark.parametrize("name", DRAWINGS)
def test_its_words_hold_n_units_and_the_experiment(name, tables):
    spec = to_spec(DRAWINGS[name](tables, EXPERIMENT))
    title = read_title(spec)
    assert "(n = " in title[0]
    assert EXPERIMENT in title[1]
    written = json.dumps(spec, ensure_ascii=False)
    for unit in UNITS[name]:
        assert unit in written


@pytest.mark.parametrize("name", DRAWINGS)
@pytest.mark.parametrize("state", ["empty", "absent", "null", "foreign"])
def test_without_known_rows_it_says_why(name, state, spoiled):
    rows = getattr(spoiled, state)
    if (name, state) == ("experiments_compared", "foreign"):
        pytest.skip("it shows every experiment")
    spec = to_spec(DRAWINGS[name](rows, EXPERIMENT))
    (reason,) = next(iter(spec["datasets"].values()))
    assert "n = " in reason["reason"]
    assert "(n = " not in spec["title"]["text"]


def test_the_empty_state_is_a_picture(spoiled):
    picture = decode(to_png(DRAWINGS["time_to_threshold"](spoiled.empty, EXPERIMENT)))
    assert len(picture.getcolors(1 << 20)) > 10


@pytest.mark.parametrize("name", DRAWINGS)
def test_one_row_is_drawn_or_explained(name, spoiled):
    assert len(decode(to_png(DRAWINGS[name](spoiled.single, EXPERIMENT))).getcolors(1 << 20)) > 10

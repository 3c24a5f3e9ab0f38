from prefill_assets.report.drawing.style import (
    CATEGORIES,
    color_categories,
    color_levels,
    name_experiments,
    shape_categories,
    shorten_name,
)


def test_level_colors_are_distinct_and_start_dark():
    assert color_levels(1) == ["#440154"]
    colors = color_levels(10)
    assert len(set(colors)) == 10
    assert colors[0] == "#440154"


def test_repeated_category_colors_differ_by_shape():
    count = 2 * len(CATEGORIES)
    assert len(set(zip(color_categories(count), shape_categories(count), strict=True))) == count


def test_names():
    assert shorten_name("x" * 60) == "x" * 60
    assert len(shorten_name("a" * 100 + "b" * 100)) <= 60
    assert name_experiments("a") == "experiment a"
    assert name_experiments(["a", "b"]) == "experiments a, b"
    assert name_experiments(["a", "b", "c", "d"]) == "experiments a, b and 2 more"
    assert name_experiments([]) == "experiments none"

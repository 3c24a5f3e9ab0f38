from __future__ import annotations

from prefill_assets.engines.padding import pad_left, pad_right


def test_padding_stands_at_the_left():
    ids, mask = pad_left([(5, 6, 7), (8,)], "cpu")

    assert ids[0].tolist() == [5, 6, 7]
    assert ids[1, 2] == 8
    assert mask.tolist() == [[1, 1, 1], [0, 0, 1]]


def test_padding_for_scoring_stands_at_the_right():
    ids = pad_right([(5, 6, 7), (8,)])

    assert ids[0].tolist() == [5, 6, 7]
    assert ids[1, 0] == 8
    assert ids.shape == (2, 3)

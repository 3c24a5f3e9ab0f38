from __future__ import annotations

from prefill_assets.engines.padding import pad_left


def test_padding_stands_at_the_left():
    ids, mask = pad_left([(5, 6, 7), (8,)], "cpu")

    assert ids[0].tolist() == [5, 6, 7]
    assert ids[1, 2] == 8
    assert mask.tolist() == [[1, 1, 1], [0, 0, 1]]

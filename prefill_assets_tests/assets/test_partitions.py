import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefill_assets.assets.partitions import read_partition_key, write_partition_key
from prefill_assets.warehouse.partition import PartitionKey

names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True)


@given(names, st.integers(0, 10**7), st.none() | st.integers(0, 10**5))
def test_keys_come_back_as_they_were(experiment, step, level):
    key = PartitionKey(experiment, step, level)
    assert read_partition_key(str(write_partition_key(key))) == key


def test_keys_sort_as_text_as_their_numbers_do():
    keys = [str(write_partition_key(PartitionKey("run", step, level))) for step in (1, 10, 90, 900) for level in (0, 10, 100)]
    assert sorted(keys) == keys


def test_a_table_that_is_not_cut_has_no_key():
    assert write_partition_key(PartitionKey("run")) is None


@pytest.mark.parametrize("text", ["", "run", "run/checkpoint-x", "run/checkpoint-1|ten", "a|b|c"])
def test_a_foreign_key_is_refused(text):
    with pytest.raises(ValueError, match="is not of the form"):
        read_partition_key(text)

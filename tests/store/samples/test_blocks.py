"""Blocks keep every bit, and adding up is the same in any order."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.histograms import bucket_index
from monitor.store.samples import blocks
from monitor.store.samples.columns import CorruptBlockError

ROW = st.tuples(st.integers(0, 3), st.integers(0, 5), st.integers(-1000, 1000))
ROWS = st.lists(ROW, max_size=60)


def of(rows: list[tuple[int, int, int]]) -> blocks.Block:
    columns = np.array(rows, dtype=np.int64).reshape(-1, 3)
    return blocks.of_floats(columns[:, 0], columns[:, 1], columns[:, 2].astype(np.float64))


@given(st.lists(st.integers(0, 2**64 - 1), max_size=80))
def test_every_bit_of_a_value_survives(bits: list[int]) -> None:
    values = np.array(bits, dtype=np.uint64).view(np.float64)
    n = len(values)
    block = blocks.of_floats(np.zeros(n, dtype=np.int64), np.arange(n), values)
    back = blocks.decode(block.encode()).tables["f"]["v"]
    assert back.view(np.uint64).tolist() == bits


@given(ROWS)
@settings(max_examples=50)
def test_adding_up_in_parts_is_adding_up_at_once(rows: list[tuple[int, int, int]]) -> None:
    half = len(rows) // 2
    whole = blocks.add_up(of(rows))
    parts = blocks.add_up(blocks.join([blocks.add_up(of(rows[half:])), blocks.add_up(of(rows[:half]))]))
    for name in ("series", "t", "v"):
        assert whole.tables["f"][name].tolist() == parts.tables["f"][name].tolist()


def test_the_first_of_two_samples_at_one_time_stays() -> None:
    settled = blocks.settle(of([(1, 5, 10), (1, 5, 20), (1, 4, 30)])).tables["f"]
    assert (settled["t"].tolist(), settled["v"].tolist()) == ([4, 5], [30.0, 10.0])


def test_a_flipped_bit_is_noticed() -> None:
    data = bytearray(of([(1, 2, 3)] * 50).encode())
    data[-3] ^= 4
    with pytest.raises(CorruptBlockError, match="corrupt"):
        blocks.decode(bytes(data))


@given(st.floats(min_value=1e-300, max_value=1e300))
def test_a_value_lies_in_its_bucket(value: float) -> None:
    (index,) = bucket_index(np.array([value]), 5).tolist()
    assert 2.0 ** ((index - 1) / 32) <= value * (1 + 1e-12)
    assert value <= 2.0 ** (index / 32) * (1 + 1e-12)

"""Columns come back bit for bit, squeezed quickly or well, and old blocks stay readable."""

import struct
import zlib

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pcodec import ChunkConfig, standalone

from monitor.store import columns

WORDS = st.integers(-(2**63), 2**63 - 1)
EVEN = st.tuples(WORDS, st.integers(-(2**40), 2**40), st.integers(2, 60)).map(
    lambda one: [(one[0] + n * one[1] + 2**63) % 2**64 - 2**63 for n in range(one[2])]
)
both = pytest.mark.parametrize("brief", [False, True])


@both
@given(st.lists(WORDS, max_size=60) | EVEN | st.lists(st.sampled_from([1, 2**62]), max_size=60).map(sorted))
def test_integers_come_back(brief: bool, numbers: list[int]) -> None:
    given_column = np.array(numbers, dtype=np.int64)
    back = columns.unpack(columns.pack({"n": given_column}, brief=brief))["n"]
    assert back.dtype == np.int64
    assert back.tolist() == numbers


@both
@given(
    st.lists(st.floats(), max_size=60)
    | st.lists(st.decimals(-(10**6), 10**6, places=4).map(float), max_size=60)
    | st.lists(st.integers(-(2**60), 2**60).map(float), max_size=60)
    | st.lists(st.sampled_from([0.0, -0.0, 1.0]), max_size=60)
)
def test_values_come_back_bit_for_bit(brief: bool, numbers: list[float]) -> None:
    back = columns.unpack(columns.pack({"v": np.array(numbers, dtype=np.float64)}, brief=brief))["v"]
    assert back.dtype == np.float64
    assert back.tobytes() == struct.pack(f"<{len(numbers)}d", *numbers)


def test_even_times_cost_a_few_bytes() -> None:
    assert len(columns.pack({"t": np.arange(480) * 15_000 + 1_795_000_000_000})) < 40


def test_decimals_are_smaller_as_integers() -> None:
    values = np.random.default_rng(1).random(480).round(4)
    plain = standalone.simple_compress(values, ChunkConfig(compression_level=8))
    assert len(columns.pack({"v": values})) < 0.95 * len(plain)


def test_a_block_of_the_first_format_is_read() -> None:
    values = np.linspace(0, 1, 50)
    parts = {
        "v": ("f", 50, standalone.simple_compress(values, ChunkConfig())),
        "t": ("i", -1, struct.pack("<2q", 3, 4)),
    }
    body = msgspec.msgpack.encode(parts)
    back = columns.unpack(b"\x01" + zlib.crc32(body).to_bytes(4, "big") + body)
    assert (back["v"].tolist(), back["t"].tolist()) == (values.tolist(), [3, 4])

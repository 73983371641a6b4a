"""Columns come back bit for bit, squeezed quickly or well, and old blocks stay readable."""

import struct
import zlib

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pcodec import ChunkConfig, standalone

from monitor.store.samples import columns

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


@given(st.lists(WORDS, max_size=60), st.lists(st.floats(), max_size=60))
def test_a_few_numbers_come_back_that_were_no_arrays(words: list[int], values: list[float]) -> None:
    back = columns.unpack(columns.pack_few({"n": ("i", words), "v": ("f", values)}))
    assert back["n"].tolist() == words
    assert back["v"].tobytes() == struct.pack(f"<{len(values)}d", *values)


def test_even_times_cost_a_few_bytes() -> None:
    assert len(columns.pack({"t": np.arange(480) * 15_000 + 1_795_000_000_000})) < 40


def test_decimals_are_smaller_as_integers() -> None:
    values = np.random.default_rng(1).random(480).round(4)
    plain = standalone.simple_compress(values, ChunkConfig(compression_level=8))
    assert len(columns.pack({"v": values})) < 0.95 * len(plain)


@given(WORDS, st.integers(0, 2**33), st.integers(24, 200), st.integers(0, 99))
def test_numbers_near_each_other_come_back_wherever_they_lie(
    least: int, span: int, size: int, seed: int
) -> None:
    least = min(least, 2**63 - 1 - span)
    numbers = least + np.random.default_rng(seed).integers(0, span, size, endpoint=True)
    assert columns.unpack(columns.pack({"n": numbers}))["n"].tolist() == numbers.tolist()


def test_a_counter_of_a_steady_service_takes_little_more_than_its_surprises() -> None:
    steps = np.random.default_rng(1).poisson(50, 2880)
    # log2(sqrt(2 * pi * e * 50)) is 4.9 bits
    assert len(columns.pack({"v": np.cumsum(steps).astype(float)})) < 2880 * 5.4 / 8


def test_stretches_come_back_in_one_piece_and_are_smaller_apart() -> None:
    seeded = np.random.default_rng(1)
    rows = [np.cumsum(seeded.poisson(5, 480)), 6e10 + 4096 * seeded.integers(0, 9, 480), seeded.random(480)]
    values, starts = np.concatenate(rows), np.arange(3) * 480
    apart = columns.pack({"v": values}, stretches={"v": starts})
    assert columns.unpack(apart)["v"].tobytes() == values.tobytes()
    assert len(apart) < 0.8 * len(columns.pack({"v": values}))


def test_a_block_of_the_second_format_is_read() -> None:
    whole = np.arange(50) ** 2
    body = msgspec.msgpack.encode({"v": ("2", 50, standalone.simple_compress(whole, ChunkConfig()))})
    back = columns.unpack(b"\x02" + zlib.crc32(body).to_bytes(4, "big") + body)
    assert back["v"].tolist() == (whole / 100).tolist()


def test_a_block_of_the_first_format_is_read() -> None:
    values = np.linspace(0, 1, 50)
    parts = {
        "v": ("f", 50, standalone.simple_compress(values, ChunkConfig())),
        "t": ("i", -1, struct.pack("<2q", 3, 4)),
    }
    body = msgspec.msgpack.encode(parts)
    back = columns.unpack(b"\x01" + zlib.crc32(body).to_bytes(4, "big") + body)
    assert (back["v"].tolist(), back["t"].tolist()) == (values.tolist(), [3, 4])


@pytest.mark.parametrize("size", [511, 512, 513, 514, 515, 1025, 1026])
def test_any_number_of_nearly_even_steps_comes_back(size: int) -> None:
    steps = np.arange(size, dtype=np.int64)
    numbers = steps * 910_000 - 10_000 * (steps > 0)
    assert columns.unpack(columns.pack({"n": numbers}))["n"].tolist() == numbers.tolist()

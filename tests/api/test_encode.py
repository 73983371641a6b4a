"""Answers as text: in bulk the same as one by one, and readable as JSON."""

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from monitor.api import encode
from monitor.core.labels import Labels
from monitor.core.samples import Series
from monitor.promql.numbers import api_number
from monitor.query import Result


@given(st.lists(st.one_of(st.floats(), st.integers(-(10**9), 10**9).map(float)), min_size=1, max_size=20))
def test_numbers_in_bulk_are_spelled_as_one_by_one(values: list[float]) -> None:
    assert encode._texts(np.array(values)) == [api_number(value) for value in values]


@given(st.lists(st.floats(1e-3, 1e14), min_size=1, max_size=20))
def test_plain_numbers_take_the_short_way_without_losing_a_digit(values: list[float]) -> None:
    assert [float(text) for text in encode._texts(np.array(values))] == values


def test_gaps_are_left_out_of_a_range() -> None:
    result = Result(
        "matrix",
        np.array([1000, 2500, 3000]),
        [Labels({"a": 'quo"te'})],
        np.array([[1.0, np.nan, 0.25]]),
        np.array([[True, False, True]]),
    )
    body = json.loads(encode.encode_result(result))
    assert body["data"]["result"] == [{"metric": {"a": 'quo"te'}, "values": [[1, "1"], [3, "0.25"]]}]


def test_moments_have_milliseconds_where_they_need_them() -> None:
    raw = [Series(Labels({"a": "b"}), np.array([-1500, 2005, 3000]), np.array([1.0, 2.0, 3.0]))]
    body = json.loads(encode.encode_result(Result("matrix", np.array([3000]), raw=raw)))
    assert body["data"]["result"][0]["values"] == [[-1.5, "1"], [2.005, "2"], [3, "3"]]

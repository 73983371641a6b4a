"""Answers read back from JSON: what our own encoder writes says the same after it was read."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor import query
from monitor.api.encode import encode_result
from monitor.core.histograms import HistogramBlock
from monitor.promql.errors import QueryError
from monitor.promql.numbers import bucket_list
from monitor.promql.values import Grid
from monitor.remote import answers
from tests.promql.language import cases, memory

SCRIPTS = Path(__file__).parents[1] / "promql"


@pytest.mark.parametrize("script", sorted(SCRIPTS.glob("*.test")), ids=lambda path: path.stem)
def test_an_answer_is_the_same_after_it_was_read(script: Path) -> None:
    for case in cases(script):
        try:
            made = query.ask(memory(case.series), case.expr, case.grid, at_once=case.at_once)
        except QueryError:
            continue
        text = encode_result(made)
        kind = "scalar" if made.kind == "scalar" else "vector"
        read = answers.result_of(
            json.loads(text), case.grid, "vigil_project", kind=kind, at_once=case.at_once
        )
        assert numbers(json.loads(encode_result(read))) == numbers(json.loads(text)), case.where


def numbers(told: object) -> object:
    """The same with bounds of buckets rounded: they are computed from schema and index."""
    if isinstance(told, dict):
        return {name: numbers(one) for name, one in told.items() if name != "infos"}
    if isinstance(told, list):
        return [numbers(one) for one in told]
    try:
        return f"{float(told):.9g}"  # type: ignore[arg-type] # refused below
    except (TypeError, ValueError):
        return told


def test_the_label_of_the_project_is_not_shown() -> None:
    row = {"metric": {"a": "b", "vigil_project": "7"}, "value": [60, "1"]}
    found = {"data": {"resultType": "vector", "result": [row]}, "warnings": ["careful"]}
    result = answers.result_of(found, Grid(60_000, 60_000, 1), "vigil_project", kind="vector", at_once=True)
    assert [dict(labels) for labels in result.labels] == [{"a": "b"}]
    assert result.single() == 1
    assert result.warnings == ["careful"]


@given(
    schema=st.integers(-4, 8),
    places=st.dictionaries(st.integers(-40, 40), st.integers(1, 9), min_size=1),
    below=st.dictionaries(st.integers(-40, 40), st.integers(1, 9)),
    zero=st.integers(0, 5),
)
def test_the_schema_is_read_off_the_buckets(
    schema: int, places: dict[int, int], below: dict[int, int], zero: int
) -> None:
    index, other = np.array(sorted(places)), np.array(sorted(below), dtype=np.int64)
    block = HistogramBlock(
        np.array([1.0]), np.array([2.0]), np.array([float(zero)]), np.array([[float(places[i]) for i in index]]),
        np.array([[float(below[i]) for i in other]]), index, other, schema, 1e-9,
    )  # fmt: skip
    buckets = [(low, high, count) for _, low, high, count in bucket_list(block, 0)]
    read = answers.block_of_buckets(buckets, 1.0, 2.0)
    assert [list(map(float, one[1:])) for one in bucket_list(read, 0)] == [list(one) for one in buckets]
    assert read.custom or read.schema == schema or len(places) + len(below) == 0
    assert not read.custom


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"data": None},
        {"data": {"resultType": "matrix", "result": [{"metric": {}, "values": [["x", "1"]]}]}},
        {"data": {"resultType": "matrix", "result": [{"metric": {}, "values": [[999, "1"]]}]}},
        {"data": {"resultType": "vector", "result": [{"value": [1, "many"], "metric": {}}]}},
    ],
)
def test_nonsense_is_said_to_be_unreadable(data: dict[str, object]) -> None:
    with pytest.raises(answers.UnreadableAnswerError):
        answers.result_of(data, Grid(0, 60_000, 30_000), "p", kind="vector", at_once=False)

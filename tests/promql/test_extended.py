"""A range selector on its own, with values at its ends."""

import numpy as np
import pytest

from monitor import query
from monitor.core.labels import NAME, Labels
from monitor.core.samples import Series
from monitor.promql.values import Grid

SERIES = Series(
    Labels({NAME: "metric"}), np.arange(6, dtype=np.int64) * 15_000, np.array([1.0, 2.0, 3.0, 4.0, 5.0, 9.0])
)


@pytest.mark.parametrize(
    ("word", "last", "first"), [("anchored", 5.0, 1.0), ("smoothed", 5 + 4 * 10 / 15, 1 + 10 / 15)]
)
def test_a_range_begins_and_ends_where_it_should(word: str, last: float, first: float) -> None:
    grid = Grid(70_000, 70_000, 1)
    result = query.ask(lambda *_: [[SERIES]], f"metric[1m] {word}", grid, at_once=True)
    (found,) = result.raw or []
    assert found.times.tolist() == [10_000, 15_000, 30_000, 45_000, 60_000, 70_000]
    assert found.values.tolist() == pytest.approx([first, 2.0, 3.0, 4.0, 5.0, last])


def test_a_range_without_samples_stays_empty() -> None:
    result = query.ask(lambda *_: [[SERIES]], "metric[1m] anchored", Grid(10**7, 10**7, 1), at_once=True)
    assert result.raw == []

"""Derived series as PromQL sees them; pure."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor import query
from monitor.core.labels import Labels
from monitor.core.samples import Selection, Series
from monitor.promql.values import Grid
from monitor.store.reading import derived

NOON = 1_700_000_000_000
MINUTE = 60_000


def asked(expr: str, end: int, moments: Sequence[int]) -> float:
    """An answer about a counter of one event at each of these moments."""
    times, counts = np.unique(np.array(moments) // 10_000 * 10_000, return_counts=True)
    deltas: Any = {"t": times, "v": counts.astype(np.float64)}
    known: Any = SimpleNamespace(
        first_ms=int(times[0]), last_ms=int(times[-1]), labels=Labels({"__name__": "x"})
    )

    def source(selections: Sequence[Selection], _most: int) -> list[list[Series]]:
        found = [derived.counter(known, deltas, 0.0, one) for one in selections]
        return [[one] if one is not None else [] for one in found]

    answer = query.ask(source, expr, Grid(end, end, 1), at_once=True)
    return answer.single() or 0.0


@given(
    width=st.sampled_from([15, 60, 360, 10_080]),
    off=st.integers(0, 9_999),
    ages=st.lists(st.integers(0, 13 * MINUTE), min_size=1, max_size=40),
    scale=st.integers(1, 800),
)
def test_an_increase_over_one_window_counts_every_event_in_it(
    width: int, off: int, ages: list[int], scale: int
) -> None:
    end = NOON + off
    moments = [end - age * scale for age in ages]
    inside = sum(moment // 10_000 * 10_000 > end - width * MINUTE for moment in moments)
    assert asked(f"increase(x[{width}m])", end, moments) == pytest.approx(inside, rel=1e-5)


@pytest.mark.parametrize("off", [1, 3_000, 9_999])
def test_the_last_two_samples_are_never_of_one_moment(off: int) -> None:
    moments = [NOON + off - 1_000 * step for step in range(200)]
    assert asked("irate(x[15m])", NOON + off, moments) == pytest.approx(1.0, rel=0.5)

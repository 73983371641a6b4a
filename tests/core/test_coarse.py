"""Windows of whole buckets say exactly what the samples themselves say."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from monitor import query
from monitor.core import coarse
from monitor.core.labels import Labels
from monitor.core.samples import LOOKBACK_MS, STALE, Series
from monitor.promql.values import Grid
from tests.promql.language import memory

RES = coarse.FIVE_MINUTES
EXACT = ("min", "max", "sum", "count", "avg", "first", "last", "present")
gaps = st.integers(1, 400_000)
levels = st.one_of(st.integers(-50, 50).map(float), st.floats(-1e6, 1e6), st.just(float("nan")))


@st.composite
def samples(draw: st.DrawFn, values: st.SearchStrategy[float] = levels) -> Series:
    """Ascending samples over some hours, with gaps, now and then a staleness marker."""
    steps = draw(st.lists(gaps, min_size=1, max_size=80))
    times = np.cumsum(steps)
    held = [draw(values | st.just(float(STALE))) for _ in steps]
    return Series(Labels({"__name__": "x"}), times.astype(np.int64), np.array(held))


def raw(expr: str, series: Series, ends: "list[int]") -> "list[float | None]":
    grid = Grid(ends[0], ends[-1], ends[1] - ends[0])
    found = query.ask(memory([series]), expr, grid, at_once=False)
    if not found.labels:
        return [None] * len(ends)
    return [float(v) if told else None for v, told in zip(found.values[0], found.floats[0], strict=True)]


def ends_of(series: Series, resolution: int) -> list[int]:
    last = int(coarse.bucket_of(series.times[-1:], resolution)[0])
    return [resolution * n for n in range(1, last // resolution + 4)]


def listed(found: "tuple[coarse.Floats, coarse.Mask]") -> "list[float | None]":
    return [float(v) if told else None for v, told in zip(*found, strict=True)]


def same(one: "list[float | None]", other: "list[float | None]", *, within: float = 1e-9) -> bool:
    return len(one) == len(other) and all(
        a is b is None
        or (
            a is not None and b is not None and bool(np.isclose(a, b, rtol=within, atol=1e-6, equal_nan=True))
        )
        for a, b in zip(one, other, strict=True)
    )


@given(samples(), st.integers(1, 5), st.sampled_from(coarse.RESOLUTIONS))
def test_over_time_is_exact_over_whole_buckets(series: Series, buckets: int, resolution: int) -> None:
    made = coarse.points(series.times, series.values, resolution)
    ends = ends_of(series, resolution)
    inside = coarse.windows(made, np.array(ends), buckets * resolution)
    for name in EXACT:
        expected = raw(f"{name}_over_time(x[{buckets * resolution}ms])", series, ends)
        assert same(listed(coarse.over_time(name, inside)), expected), name


@given(samples(st.integers(0, 60).map(float)), st.integers(1, 5), st.sampled_from(coarse.RESOLUTIONS))
def test_growth_is_what_promql_extrapolates(series: Series, buckets: int, resolution: int) -> None:
    made = coarse.points(series.times, series.values, resolution)
    ends = ends_of(series, resolution)
    inside = coarse.windows(made, np.array(ends), buckets * resolution)
    for name, counter, per_second in (
        ("rate", True, True),
        ("increase", True, False),
        ("delta", False, False),
    ):
        expected = raw(f"{name}(x[{buckets * resolution}ms])", series, ends)
        assert same(listed(coarse.growth(inside, counter=counter, per_second=per_second)), expected), name


@given(samples(st.integers(0, 60).map(float)), st.integers(1, 5))
def test_a_counters_rise_counts_every_reset(series: Series, buckets: int) -> None:
    kept = ~np.isnan(series.values)
    times, values = series.times[kept], series.values[kept]
    ends = ends_of(series, RES)
    inside = coarse.windows(coarse.points(times, values, RES), np.array(ends), buckets * RES)
    for end, found in zip(ends, listed(coarse.risen(inside)), strict=True):
        window = values[(times > end - buckets * RES) & (times <= end)].tolist()
        steps = [b - a if b >= a else b for a, b in pairwise(window)]
        assert found == (sum(steps) if len(window) > 1 else None)


@given(samples())
def test_an_instant_selector_sees_the_last_sample(series: Series) -> None:
    ends = ends_of(series, RES)
    inside = coarse.windows(coarse.points(series.times, series.values, RES), np.array(ends), RES)
    assert same(listed(coarse.newest(inside, LOOKBACK_MS)), raw("x", series, ends))


@given(samples(), st.integers(1, 79))
def test_points_of_parts_are_the_points_of_the_whole(series: Series, cut: int) -> None:
    whole = coarse.points(series.times, series.values, RES)
    middle = int(coarse.bucket_of(series.times[min(cut, len(series.times)) - 1 :][:1], RES)[0])
    parts = [
        coarse.points(series.times[chosen], series.values[chosen], RES)
        for chosen in (series.times <= middle, series.times > middle)
    ]
    again = coarse.joined(parts)
    assert again.end.tolist() == whole.end.tolist()
    assert repr(again.rise.tolist()) == repr(whole.rise.tolist())


def test_nothing_is_nothing() -> None:
    empty = coarse.windows(coarse.none(), np.array([RES, 2 * RES]), RES)
    for name in EXACT:
        assert listed(coarse.over_time(name, empty)) == [None, None]
    assert listed(coarse.growth(empty, counter=True, per_second=True)) == [None, None]
    assert listed(coarse.newest(empty, LOOKBACK_MS)) == [None, None]

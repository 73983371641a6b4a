"""What was appended can be selected: from batches, from chunks, and from both at once."""

import datetime as dt

import numpy as np
import pytest

from monitor.core import clock
from monitor.core.histograms import HistogramRun
from monitor.core.labels import Labels, Matcher, Op
from monitor.core.samples import LOOKBACK_MS, STALE, Selection, Series, is_stale
from monitor.store import partitions
from monitor.store.ageing import compact
from monitor.store.reading.select import TooManySamplesError, select
from monitor.store.samples import append
from monitor.store.samples.append import Deltas
from monitor.store.shards import shards_of
from tests.fixtures.fix_cast import Cast

# pushed batches are left alone at first
LATER = dt.timedelta(seconds=30)
pytestmark = pytest.mark.django_db
HOUR = 3_600_000


def ask(project_id: int, name: str, start: int, end: int, **hints: int) -> list[Series]:
    selection = Selection(
        (Matcher("__name__", "=", name),),
        start,
        end,
        range_ms=hints.get("range_ms", 0),
        step_ms=hints.get("step_ms", 0),
    )
    return list(select(project_id, [selection], max_samples=10**7)[0])


def labels(name: str, **more: str) -> Labels:
    return Labels({"__name__": name, **more})


def test_pushed_samples_come_back_in_order_and_once(cast: Cast, now: dt.datetime) -> None:
    at = clock.to_ms(now)
    points = [(labels("up", job="a"), at + 15_000, 1.0), (labels("up", job="a"), at, 0.0)]
    append.samples(cast.project.id, points, now=now)
    append.samples(cast.project.id, points, now=now)
    (found,) = ask(cast.project.id, "up", at, at + HOUR)
    assert found.times.tolist() == [at, at + 15_000]
    assert found.values.tolist() == [0.0, 1.0]


def test_the_span_is_closed_on_both_sides(cast: Cast, now: dt.datetime) -> None:
    at = clock.to_ms(now)
    append.samples(cast.project.id, [(labels("x"), at + i, float(i)) for i in range(10)], now=now)
    (found,) = ask(cast.project.id, "x", at + 3, at + 5)
    assert found.values.tolist() == [3.0, 4.0, 5.0]


def test_another_project_sees_nothing(cast: Cast, now: dt.datetime) -> None:
    append.samples(cast.project.id, [(labels("x"), clock.to_ms(now), 1.0)], now=now)
    assert ask(cast.other.id, "x", 0, 2**50) == []


def test_a_stale_marker_keeps_its_bits(cast: Cast, now: dt.datetime) -> None:
    at = clock.to_ms(now)
    append.samples(cast.project.id, [(labels("x"), at, STALE), (labels("x"), at + 1, float("nan"))], now=now)
    (found,) = ask(cast.project.id, "x", at, at + 1)
    assert is_stale(found.values).tolist() == [True, False]


def test_sealing_old_windows_changes_no_answer(cast: Cast, now: dt.datetime) -> None:
    at = clock.to_ms(now) - 5 * HOUR
    points = [(labels("x", i=str(i % 3)), at + i * 60_000, float(i)) for i in range(300)]
    for part in range(0, 300, 50):
        append.samples(cast.project.id, points[part : part + 50], now=now)
    before = ask(cast.project.id, "x", at, at + 9 * HOUR)
    assert compact.run(now=now + LATER).chunks > 0
    after = ask(cast.project.id, "x", at, at + 9 * HOUR)
    assert [s.values.tolist() for s in after] == [s.values.tolist() for s in before]


def test_late_samples_join_their_sealed_window(cast: Cast, now: dt.datetime) -> None:
    at = clock.to_ms(now) - 5 * HOUR
    for minute in (0, 2, 1):
        append.samples(cast.project.id, [(labels("x"), at + minute * 60_000, float(minute))], now=now)
        compact.run(now=now + LATER)
    (found,) = ask(cast.project.id, "x", at, at + HOUR)
    assert found.values.tolist() == [0.0, 1.0, 2.0]


def test_a_counter_starts_at_zero_and_adds_up(cast: Cast, now: dt.datetime) -> None:
    at = clock.to_ms(now)
    found = Deltas()
    for second in (0, 3, 11, 45):
        found.count(labels("llm_requests_total"), at + second * 1000)
    put(cast, found, now)
    (series,) = ask(cast.project.id, "llm_requests_total", at - 60_000, at + 60_000, range_ms=120_000)
    assert series.times[0] == at - 10_000
    assert series.values.tolist()[:4] == [0.0, 2.0, 3.0, 3.0]
    assert series.values[-1] == 4.0


def put(cast: Cast, found: Deltas, now: dt.datetime) -> None:
    partitions.for_batches(clock.to_ms(now))
    append.deltas(cast.project.id, shards_of(cast.project.id, 1)[0], found, now=now)


def test_a_silent_counter_stays_flat_for_a_day(cast: Cast, now: dt.datetime) -> None:
    at = clock.to_ms(now)
    found = Deltas()
    found.count(labels("c"), at)
    put(cast, found, now)
    (day,) = ask(cast.project.id, "c", at + 20 * HOUR, at + 30 * HOUR, step_ms=60_000)
    assert at + 23.9 * HOUR < day.times[-1] <= at + 24 * HOUR
    assert set(day.values.tolist()) == {1.0}


def test_a_wide_step_still_gets_a_sample_at_each_step(cast: Cast, now: dt.datetime) -> None:
    at = clock.to_ms(now)
    found = Deltas()
    for day in range(3):
        found.count(labels("c"), at + day * 24 * HOUR)
    put(cast, found, now)
    first = at + 1_234
    (series,) = ask(cast.project.id, "c", first - LOOKBACK_MS + 1, first + 48 * HOUR, step_ms=24 * HOUR)
    steps = {int(t): v for t, v in zip(series.times, series.values, strict=True)}
    assert [steps[first + day * 24 * HOUR] for day in range(3)] == [1.0, 2.0, 3.0]


def test_totals_survive_sealing_and_lateness(cast: Cast, now: dt.datetime) -> None:
    at = clock.to_ms(now) - 9 * HOUR
    for hour in (0, 1, 6, 3, 8, 0):
        found = Deltas()
        found.count(labels("c"), at + hour * HOUR)
        found.observe(labels("h"), at + hour * HOUR, 0.5 + hour)
        put(cast, found, now)
        compact.run(now=now + LATER)
    (counter,) = ask(cast.project.id, "c", at + 8 * HOUR, at + 9 * HOUR, range_ms=HOUR)
    (histogram,) = ask(cast.project.id, "h", at + 8 * HOUR, at + 9 * HOUR, range_ms=HOUR)
    assert counter.values[-1] == 6.0
    run = histogram.histograms[0]
    assert run.count[-1] == run.positive[-1].sum() == 6.0
    assert run.total[-1] == pytest.approx(0.5 * 6 + 18)


def test_negative_observations_fill_negative_buckets(cast: Cast, now: dt.datetime) -> None:
    found = Deltas()
    found.observe(labels("llm_token_logprob"), clock.to_ms(now), -1.0)
    found.observe(labels("llm_token_logprob"), clock.to_ms(now), 0.0)
    put(cast, found, now)
    (series,) = ask(cast.project.id, "llm_token_logprob", clock.to_ms(now), clock.to_ms(now), range_ms=10_000)
    run = series.histograms[0]
    assert (run.negative_index.tolist(), run.negative.tolist(), run.zero.tolist()) == ([0], [[1.0]], [1.0])


def test_pushed_native_histograms_keep_their_layout(cast: Cast, now: dt.datetime) -> None:
    at = clock.to_ms(now)
    run = HistogramRun(
        times=np.array([at, at + 1000]), count=np.array([3.0, 5.0]), total=np.array([4.0, 9.0]),
        zero=np.array([1.0, 1.0]), schema=-53, zero_threshold=0.0, positive_index=np.array([0, 2]),
        positive=np.array([[1.0, 1.0], [2.0, 2.0]]), custom_bounds=(0.5, 1.0, 2.0),
    )  # fmt: skip
    append.histograms(cast.project.id, [(labels("h"), run)], now=now)
    (series,) = ask(cast.project.id, "h", at, at + HOUR)
    (back,) = series.histograms
    assert back.custom_bounds == (0.5, 1.0, 2.0)
    assert back.positive.tolist() == [[1.0, 1.0], [2.0, 2.0]]


def test_a_question_over_the_limit_is_refused(cast: Cast, now: dt.datetime) -> None:
    at = clock.to_ms(now)
    append.samples(cast.project.id, [(labels("x"), at + i, 0.0) for i in range(100)], now=now)
    selection = Selection((Matcher("__name__", "=", "x"),), at, at + 100)
    with pytest.raises(TooManySamplesError, match="more than 50 samples"):
        select(cast.project.id, [selection], max_samples=50)


def test_matchers_know_absent_labels_and_regular_expressions(cast: Cast, now: dt.datetime) -> None:
    at = clock.to_ms(now)
    for version in ("v1", "v2", ""):
        append.samples(cast.project.id, [(labels("x", version=version), at, 1.0)], now=now)

    def count(op: Op, value: str) -> int:
        matchers = (Matcher("__name__", "=", "x"), Matcher("version", op, value))
        return len(select(cast.project.id, [Selection(matchers, at, at)], max_samples=100)[0])

    assert (count("=", ""), count("!=", ""), count("=~", "v.*"), count("!~", "v2"), count("=~", ".*")) == (
        1,
        2,
        2,
        2,
        3,
    )

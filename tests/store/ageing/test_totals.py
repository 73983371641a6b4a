"""Deltas become cumulative samples that are never changed again, and nothing is counted twice or lost."""

import datetime as dt
from typing import Any

import numpy as np
import pytest
from django.db import connection

from monitor.core import clock
from monitor.core.labels import NAME, Matcher
from monitor.core.samples import LOOKBACK_MS, Selection, Series
from monitor.ingest.verify import verify
from monitor.store.ageing import outgoing, totals
from monitor.store.ageing.outgoing import Outgoing
from monitor.store.reading import select
from tests.fixtures.fix_calls import Push
from tests.fixtures.fix_cast import Cast

pytestmark = pytest.mark.django_db
HOUR = dt.timedelta(hours=1)
SECOND = dt.timedelta(seconds=1)
LATER = 5 * 60 * SECOND


def calls(start: dt.datetime, count: int, *, every: float = 7.0) -> list[dict[str, Any]]:
    return [
        {
            "at": start + dt.timedelta(seconds=every * n),
            "duration_seconds": 0.1 * (1 + n % 13),
            "version": f"v{n % 2}",
        }
        for n in range(count)
    ]


def sent(name: str, version: str = "v0") -> Outgoing | None:
    """What waits of one series."""
    found = [one for one in outgoing.take(1000, 10**9).series if one.labels.name == name]
    return next((one for one in found if one.labels["version"] == version), None)


def at_home(project_id: int, name: str, times: list[int], version: str = "v0") -> list[Series]:
    """What the store at home says at each of these times."""
    matchers = (Matcher(NAME, "=", name), Matcher("version", "=", version))
    asked = [Selection(matchers, at - LOOKBACK_MS + 1, at) for at in times]
    return [one[0] for one in select.select(project_id, asked, max_samples=10**7)]


@pytest.mark.parametrize("parts", [1, 5])
def test_reports_are_what_the_store_at_home_would_say(
    push: Push, cast: Cast, now: dt.datetime, parts: int
) -> None:
    rows = calls(now - HOUR, 100)
    for part in np.array_split(np.arange(100), parts):
        push([rows[n] for n in part])
    expected: dict[str, list[Series]] = {}
    times = [clock.to_ms(now - HOUR) // 10_000 * 10_000 + 10_000 * n for n in range(70)]
    for name in ("llm_requests_total", "llm_request_duration_seconds"):
        expected[name] = at_home(cast.project.id, name, times)
    totals.fold(now=now)
    counter, histogram = sent("llm_requests_total"), sent("llm_request_duration_seconds")
    assert counter is not None
    assert histogram is not None
    last = counter.times.searchsorted(times, side="right") - 1
    assert counter.values[last].tolist() == [one.values[-1] for one in expected["llm_requests_total"]]
    (run,) = histogram.runs
    for at, want in zip(times, expected["llm_request_duration_seconds"], strict=True):
        row = int(run.times.searchsorted(at, side="right")) - 1
        (other,) = want.histograms
        assert run.count[row] == other.count[-1]
        assert run.total[row] == pytest.approx(other.total[-1])
        assert (
            run.positive[row][run.positive[row] > 0].tolist()
            == other.positive[-1][other.positive[-1] > 0].tolist()
        )


def test_folding_in_steps_gives_what_folding_at_once_gives(push: Push, now: dt.datetime) -> None:
    rows, start = calls(now - HOUR, 60), now - HOUR
    for row in rows:
        push([row])
        totals.fold(now=row["at"])
    totals.fold(now=start + LATER * 3)
    found = sent("llm_requests_total")
    assert found is not None
    assert (np.diff(found.times) > 0).all()
    assert found.values[0] == 0
    assert found.values[-1] == 30
    assert (np.diff(found.values) >= 0).all()


def test_a_step_that_is_not_over_waits(push: Push, now: dt.datetime) -> None:
    push([{"at": now}])
    totals.fold(now=now + 14 * SECOND)
    assert sent("llm_requests_total", "v1") is None
    totals.fold(now=now + 15 * SECOND)
    found = sent("llm_requests_total", "v1")
    assert found is not None
    assert (found.times.tolist(), found.values.tolist()) == (
        [clock.to_ms(now) - 10_000, clock.to_ms(now)], [0.0, 1.0],
    )  # fmt: skip


def test_what_comes_late_is_counted_at_the_next_step(push: Push, now: dt.datetime) -> None:
    push([{"at": now}])
    totals.fold(now=now + 60 * SECOND)
    push([{"at": now - HOUR}])
    totals.fold(now=now + 60 * SECOND)
    found = sent("llm_requests_total", "v1")
    assert found is not None
    at = clock.to_ms(now)
    assert dict(zip((found.times - at).tolist(), found.values.tolist(), strict=True)) == {
        -10_000: 0,
        0: 1,
        10_000: 2,
    }


def test_silence_is_reported_for_a_day_and_no_longer(push: Push, now: dt.datetime) -> None:
    push([{"at": now}])
    for minutes in (1, 3, 5, 60, 23 * 60, 25 * 60, 26 * 60):
        totals.fold(now=now + minutes * 60 * SECOND)
    found = sent("llm_requests_total", "v1")
    assert found is not None
    assert found.times[-1] == clock.to_ms(now + 24 * HOUR)
    assert np.diff(found.times).max() <= 4 * 60_000
    assert set(found.values.tolist()) == {0.0, 1.0}
    waiting = outgoing.length().samples
    totals.fold(now=now + 27 * HOUR)
    assert outgoing.length().samples == waiting


def test_rows_and_series_still_agree(push: Push, cast: Cast, now: dt.datetime) -> None:
    push(calls(now - HOUR, 20))
    totals.fold(now=now - HOUR + 60 * SECOND)
    assert verify(cast.project.id).differences == []


def test_a_fold_that_fails_changes_nothing(
    push: Push, now: dt.datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    push(calls(now - HOUR, 20))
    before = stored()

    def broken(*_: object, **__: object) -> None:
        raise ConnectionError

    with monkeypatch.context() as patched:
        patched.setattr(totals, "_keep", broken)
        with pytest.raises(ConnectionError):
            totals.fold(now=now)
    assert stored() == before
    totals.fold(now=now)
    assert stored() != before


def stored() -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, kind, n FROM monitor_sample_batch UNION ALL SELECT NULL, 9, count(*) FROM monitor_total"
        )
        return sorted(cursor.fetchall(), key=str)

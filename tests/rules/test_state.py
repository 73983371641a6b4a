import datetime as dt
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.labels import Labels
from monitor.core.samples import is_stale
from monitor.rules.state import (
    Alert,
    Gap,
    Holds,
    SameLabelsError,
    Seen,
    Step,
    after_gap,
    step,
    with_markers,
    written,
)

START = dt.datetime(2026, 11, 18, 12, 0, tzinfo=dt.UTC)
FIVE = Holds(hold=dt.timedelta(minutes=5))
LABELS = Labels({"alertname": "Slow", "version": "v2"})


def seen(value: float = 1.0, labels: Labels = LABELS) -> list[Seen]:
    return [Seen(labels, {"summary": f"is {value}"}, value)]


def walk(minutes: Sequence[bool], holds: Holds) -> list[Step]:
    """One evaluation a minute; True where the query answers."""
    steps: list[Step] = []
    known: Sequence[Alert] = ()
    for minute, true in enumerate(minutes):
        steps.append(step(known, seen() if true else [], holds, at=START + dt.timedelta(minutes=minute)))
        known = steps[-1].alerts
    return steps


def states(steps: list[Step]) -> list[str]:
    return [one.alerts[0].state if one.alerts else "-" for one in steps]


def test_a_result_waits_for_its_time_before_it_fires() -> None:
    assert states(walk([True] * 7, FIVE)) == ["pending"] * 5 + ["firing"] * 2


def test_without_a_for_the_first_result_fires() -> None:
    assert states(walk([True], Holds())) == ["firing"]


def test_a_pending_alert_that_vanishes_is_dropped_and_starts_again_from_zero() -> None:
    assert states(walk([True] * 4 + [False] + [True] * 5, FIVE)) == ["pending"] * 4 + ["-"] + ["pending"] * 5


def test_a_firing_alert_that_vanishes_is_resolved_once() -> None:
    changes = [change.to for one in walk([True] * 6 + [False] * 3, FIVE) for change in one.changes]
    assert changes == ["pending", "firing", "resolved"]


def test_a_resolved_alert_is_kept_for_fifteen_minutes() -> None:
    found = states(walk([True] + [False] * 18, Holds()))
    assert found == ["firing"] + ["resolved"] * 16 + ["-"] * 2


def test_a_resolved_alert_that_comes_back_waits_again() -> None:
    assert states(walk([True] * 6 + [False, True], FIVE))[-2:] == ["resolved", "pending"]


def test_keep_firing_for_bridges_a_short_gap() -> None:
    holds = Holds(keep=dt.timedelta(minutes=3))
    assert states(walk([True, False, False, True, False], holds)) == ["firing"] * 5


def test_keep_firing_for_ends_when_its_time_is_over() -> None:
    holds = Holds(keep=dt.timedelta(minutes=3))
    assert states(walk([True] + [False] * 4, holds)) == ["firing"] * 4 + ["resolved"]


def test_a_lasting_alert_takes_the_newest_value_and_text() -> None:
    first = step((), seen(1), FIVE, at=START)
    later = step(first.alerts, seen(2), FIVE, at=START + dt.timedelta(minutes=1))
    assert (later.alerts[0].value, later.alerts[0].annotations) == (2, {"summary": "is 2"})


def test_two_results_with_the_same_labels_are_an_error() -> None:
    with pytest.raises(SameLabelsError, match="same labels"):
        step((), seen() + seen(), FIVE, at=START)


def minutes(count: float) -> dt.timedelta:
    return dt.timedelta(minutes=count)


def fires_after(hold: float, pending: float, gap: float) -> dt.timedelta:
    """How long after a gap an alert fires that was pending for a while before it; looked at each minute."""
    holds = Holds(minutes(hold))
    (alert,) = step((), seen(), holds, at=START).alerts
    last, at = START + minutes(pending), START + minutes(pending + gap)
    (restored,) = after_gap([alert], holds, Gap(last, at, minutes(1)))
    return restored.active_at + holds.hold - at


@pytest.mark.parametrize(
    ("hold", "pending", "gap", "left"),
    [
        (30, 5, 2, 23),  # late, but not away: time goes on
        (30, 5, 3, 22),  # so it does where evaluations were missed, as in Prometheus
        (30, 5, 20, 25),  # downtime does not count
        (30, 25, 20, 10),  # but there is a grace period after it
        (5, 4, 20, 5),  # a short ``for`` begins anew
        (30, 25, 61, 30),  # so does everything after a long outage
    ],
)
def test_time_that_nobody_watched_does_not_count_towards_for(
    hold: float, pending: float, gap: float, left: float
) -> None:
    assert fires_after(hold, pending, gap) == minutes(left)


def test_what_fired_before_an_outage_goes_on_firing() -> None:
    (alert,) = walk([True] * 6, FIVE)[-1].alerts
    assert after_gap([alert], FIVE, Gap(START, START + minutes(30), minutes(1))) == [alert]


def test_an_active_alert_is_written_as_two_series() -> None:
    names = {labels.name: value for labels, value in written(walk([True], FIVE)[0].alerts).items()}
    assert names == {"ALERTS": 1.0, "ALERTS_FOR_STATE": START.timestamp()}


def test_the_pending_series_ends_with_a_marker_when_the_alert_fires() -> None:
    pending, firing = (walk([True] * n, FIVE)[-1].alerts for n in (5, 6))
    samples = with_markers(written(pending), written(firing))
    ended = [labels for labels, value in samples.items() if is_stale(np.array([value]))[0]]
    assert [labels["alertstate"] for labels in ended] == ["pending"]


@given(st.lists(st.booleans(), max_size=40), st.integers(0, 8), st.integers(0, 5))
def test_an_alert_never_fires_before_its_result_lasted_for_the_whole_time(
    minutes: list[bool], hold: int, keep: int
) -> None:
    holds = Holds(dt.timedelta(minutes=hold), dt.timedelta(minutes=keep))
    for minute, one in enumerate(walk(minutes, holds)):
        for change in one.changes:
            if change.to == "firing":
                assert all(minutes[minute - hold : minute + 1])


@given(st.lists(st.booleans(), max_size=40), st.integers(0, 8), st.integers(0, 5))
def test_every_alert_that_fired_and_ended_is_resolved_exactly_once(
    minutes: list[bool], hold: int, keep: int
) -> None:
    holds = Holds(dt.timedelta(minutes=hold), dt.timedelta(minutes=keep))
    steps = walk([*minutes, *([False] * (keep + 2))], holds)
    changes = [change.to for one in steps for change in one.changes]
    assert changes.count("firing") == changes.count("resolved")
    assert not any(alert.active for alert in steps[-1].alerts)

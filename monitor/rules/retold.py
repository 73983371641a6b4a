"""The ALERTS series of a stretch of the past, written as evaluation at the time would have written them.

What those series held in the stretch is taken back first, so that a rule, calls or samples that changed since
leave nothing of the old story.
"""

import datetime as dt
from collections.abc import Iterator, Sequence

import numpy as np

from monitor.core import clock
from monitor.core.labels import NAME, Labels, Matcher
from monitor.core.samples import STALE, Selection
from monitor.rules import state
from monitor.rules.replay import Event, Story
from monitor.rules.stages import ALERT_SERIES
from monitor.rules.tryout import Tried
from monitor.store.ageing import removing
from monitor.store.samples import append

Sample = tuple[Labels, int, float]
POINTS_AT_ONCE = 50_000


def write(
    project_id: int, told: Sequence[Tried], start: dt.datetime, end: dt.datetime, *, now: dt.datetime
) -> int:
    """Put the stories of these rules in the place of what their alerts were in [start, end]; how many points.

    A rule that could not be asked keeps what it has.
    """
    first, last = clock.to_ms(start), clock.to_ms(end)
    names = sorted({tried.facts.name for tried in told if tried.story and not tried.error})
    series = Matcher(NAME, "=~", "|".join(ALERT_SERIES))
    mine = [Selection((series, Matcher(state.ALERTNAME, "=", name)), first, last) for name in names]
    removing.remove(project_id, mine, now=now)
    found = [
        point
        for tried in told
        if tried.story and not tried.error
        for point in points(tried.story, tried.offset_ms)
        if first <= point[1] <= last
    ]
    for at in range(0, len(found), POINTS_AT_ONCE):
        append.samples(project_id, found[at : at + POINTS_AT_ONCE], now=now)
    return len(found)


def points(story: Story, offset_ms: int = 0) -> Iterator[Sample]:
    """A point at each evaluation while an alert is pending or fires, and a marker where a series ends."""
    by_alert: dict[Labels, list[Event]] = {}
    for event in story.events:
        by_alert.setdefault(event.alert.labels, []).append(event)
    step = story.interval // dt.timedelta(milliseconds=1)
    for events in by_alert.values():
        for event, following in zip(events, [*events[1:], None], strict=True):
            if event.to not in {"pending", "firing"}:
                continue
            stop = clock.to_ms(following.at) if following else clock.to_ms(story.end) + step
            times = np.arange(clock.to_ms(event.at), stop, step) - offset_ms
            yield from _lasting(event, times.tolist())
            if following:
                yield from _ended(event, following, stop - offset_ms)


def _lasting(event: Event, times: Sequence[int]) -> Iterator[Sample]:
    active = float(event.alert.active_at.timestamp() // 1)
    for at in times:
        yield event.alert.labels.having({NAME: "ALERTS", state.ALERTSTATE: event.to}), at, 1.0
        yield event.alert.labels.having({NAME: "ALERTS_FOR_STATE"}), at, active


def _ended(event: Event, following: Event, at: int) -> Iterator[Sample]:
    """Markers for what the next state no longer writes."""
    yield event.alert.labels.having({NAME: "ALERTS", state.ALERTSTATE: event.to}), at, float(STALE)
    if following.to not in {"pending", "firing"}:
        yield event.alert.labels.having({NAME: "ALERTS_FOR_STATE"}), at, float(STALE)

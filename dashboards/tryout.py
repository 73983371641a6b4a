"""What a rule would have done over the last days, for the page Rules: firings, messages, and other limits tried."""

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

import numpy as np

from dashboards.panels.base import Frame
from monitor import query, replay
from monitor.query import threshold
from monitor.query.threshold import Threshold
from monitor.rules import evaluate
from monitor.rules import replay as stories
from monitor.rules.facts import Facts, Surroundings
from monitor.rules.replay import Seen, Story
from monitor.rules.state import Holds
from monitor.rules.template_budget import Budget

MOST_STEPS = 45_000
POINTS = 400
LINES = 12
LIMITS = 15
HOLDS = tuple(dt.timedelta(minutes=minutes) for minutes in (0, 1, 2, 5, 10, 15, 30, 60))
NIGHT = (22, 7)


@dataclass(frozen=True, slots=True)
class Pace:
    """When the rule's group is evaluated, and how far back it asks."""

    interval: dt.timedelta = dt.timedelta(minutes=1)
    offset_ms: int = 0
    due_at: dt.datetime | None = None

    def on_grid(
        self, start: dt.datetime, end: dt.datetime, interval: dt.timedelta
    ) -> tuple[dt.datetime, dt.datetime]:
        """The first and the last evaluation in the span; at least one."""
        first = start + ((self.due_at or start) - start) % interval
        return min(first, end), min(first, end) + max((end - first) // interval, 0) * interval


@dataclass(frozen=True, slots=True)
class Choice:
    """A limit or a ``for`` that was tried, and what would have come of it."""

    limit: float
    hold: dt.timedelta
    firings: int
    messages: int
    hours: float


@dataclass(frozen=True, slots=True)
class Tryout:
    """One rule over one span. ``limit`` None: the expression has no one limit to move."""

    start: dt.datetime
    end: dt.datetime
    interval: dt.timedelta
    seen: Seen
    story: Story
    messages: list[replay.Message]
    limit: Threshold | None
    limits: list[Choice]
    holds: list[Choice]


def run(project_id: int, facts: Facts, pace: Pace, start: dt.datetime, end: dt.datetime) -> Tryout:
    """Raises query.Failed."""
    interval = max(pace.interval, (end - start) / MOST_STEPS)
    interval = dt.timedelta(milliseconds=max(1000, int(interval.total_seconds()) * 1000))
    start, end = pace.on_grid(start, end, interval)
    limit = threshold.find(facts.expr)
    everything = stories.ask(
        project_id, limit.bare if limit else facts.expr, start, end, interval, offset_ms=pace.offset_ms
    )
    trial = _Trial(project_id, facts, everything, limit, end)
    story = trial.story(facts.holds.hold, limit, texts=True)
    return Tryout(
        start, end, interval, everything, story, trial.messages(story), limit,
        [trial.choice(one, facts.holds.hold) for one in _limits(limit, everything)] if limit else [],
        [trial.choice(limit.limit if limit else 0.0, hold) for hold in sorted({*HOLDS, facts.holds.hold})],
    )  # fmt: skip


class _Trial:
    """The same answers under other limits and holds."""

    def __init__(
        self, project_id: int, facts: Facts, seen: Seen, limit: Threshold | None, end: dt.datetime
    ) -> None:
        self.project_id, self.facts, self.seen, self.limit, self.end = project_id, facts, seen, limit, end
        # one budget for all trials: nobody can make a look at a rule expensive with its texts
        self.around = Surroundings(
            lambda expr: evaluate.asked(project_id, [expr], end)[0], budget=Budget(stories.MOST_FILLED)
        )
        self.rehearsal = replay.prepared(project_id, now=end)

    def story(self, hold: dt.timedelta, limit: Threshold | None, *, texts: bool = False) -> Story:
        facts = replace(self.facts, holds=Holds(hold, self.facts.holds.keep))
        seen = self.seen.over(limit.holds) if limit else self.seen
        return stories.run(facts, seen, self.around, texts=texts)

    def messages(self, story: Story) -> list[replay.Message]:
        return self.rehearsal(story.notices, self.end)

    def choice(self, value: float, hold: dt.timedelta) -> Choice:
        limit = replace(self.limit, limit=value) if self.limit else None
        story = self.story(hold, limit)
        return Choice(value, hold, story.firings, len(self.messages(story)), story.firing_seconds() / 3600)


def _limits(limit: Threshold, seen: Seen) -> list[float]:
    """Where other limits may lie: between what is usual and the worst that was seen, and the limit itself."""
    values = seen.values[seen.present & np.isfinite(seen.values)]
    if not len(values):
        return [limit.limit]
    low, high = np.quantile(values, [0.02, 1.0] if ">" in limit.op else [0.0, 0.98])
    low, high = min(low, limit.limit), max(high, limit.limit)
    if low > 0 and high / low > 20:
        spread = np.geomspace(low, high, LIMITS)
    else:
        spread = np.linspace(low, high, LIMITS)
    return sorted({limit.limit, *(float(f"{one:.3g}") for one in spread)})


def value_frames(tried: Tryout) -> list[Frame]:
    """The series as lines of a few hundred points: of each stretch the value that is nearest to firing."""
    worst = np.fmin.reduceat if tried.limit and "<" in tried.limit.op else np.fmax.reduceat
    steps = len(tried.seen.times)
    starts = np.unique(np.linspace(0, steps, min(POINTS, steps), endpoint=False).astype(np.int64))
    frames = []
    for row in np.flatnonzero(tried.seen.present.any(axis=1))[:LINES].tolist():
        values = np.where(tried.seen.present[row], tried.seen.values[row], np.nan)
        labels = {name: text for name, text in tried.seen.labels[row].items() if name != "__name__"}
        columns = {"time": tried.seen.times[starts], "value": worst(values, starts)}
        frames.append(
            Frame(" ".join(labels.values()) or tried.seen.labels[row].name or "value", columns, labels)
        )
    return frames


def per_night(messages: Sequence[replay.Message], zone: ZoneInfo) -> dict[str, Counter[dt.date]]:
    """How many messages each contact got in the night that begins on a day."""
    found: dict[str, Counter[dt.date]] = {}
    for one in messages:
        at = one.at.astimezone(zone)
        if NIGHT[1] <= at.hour < NIGHT[0]:
            continue
        evening = at.date() if at.hour >= NIGHT[0] else at.date() - dt.timedelta(days=1)
        found.setdefault(one.contact, Counter())[evening] += 1
    return found


def per_day(messages: Sequence[replay.Message], zone: ZoneInfo) -> dict[str, Counter[dt.date]]:
    found: dict[str, Counter[dt.date]] = {}
    for one in messages:
        found.setdefault(one.contact, Counter())[one.at.astimezone(zone).date()] += 1
    return found


Failed = query.Failed

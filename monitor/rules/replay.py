"""What a rule would have done over stored data: one range query, then the same state machine as live, step by step.

Steps at which nothing can change are skipped; see ``_Steps``. What templates make of labels is filled in as
live, texts only for what changed.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from monitor import query
from monitor.core import clock
from monitor.core.alerts import Notice
from monitor.core.labels import Labels
from monitor.rules import facts as known_facts
from monitor.rules import memory, state
from monitor.rules.facts import Answer, Facts, Surroundings, TooManyError
from monitor.rules.template_budget import Budget

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
LIMITS = query.Limits(samples=200_000_000, steps=250_000, seconds=60.0)
# what makes a label depend on more than the labels of its series
_CHANGING = ("$value", ".Value", "query", "now")
# for so many results the templates of a whole replay may work
MOST_FILLED = 5_000


@dataclass(slots=True)
class Seen:
    """The answers of a rule's expression at every step: ``times`` (s, ms), ``values`` and ``present`` (n, s)."""

    times: npt.NDArray[np.int64]
    labels: list[Labels]
    values: Floats
    present: Mask

    def over(self, op: Callable[[Floats], Mask]) -> "Seen":
        """Only where the values fulfil a condition: as if the expression had ended in it."""
        with np.errstate(invalid="ignore"):
            return replace(self, present=self.present & op(self.values))


@dataclass(frozen=True, slots=True)
class Event:
    """An alert entered a state."""

    at: dt.datetime
    to: str
    alert: state.Alert


@dataclass(slots=True)
class Story:
    """What happened. ``failed``: at how many steps the rule could not tell, and why the first time."""

    start: dt.datetime
    end: dt.datetime
    events: list[Event] = field(default_factory=list)
    failed: int = 0
    error: str = ""
    interval: dt.timedelta = dt.timedelta(minutes=1)

    @property
    def firings(self) -> int:
        return sum(event.to == "firing" for event in self.events)

    @property
    def notices(self) -> list[tuple[dt.datetime, Notice]]:
        """What would have been handed on, and when."""
        return [
            (event.at, state.faded(notice, event.at, self.interval) if event.to == "inactive" else notice)
            for event in self.events
            if event.alert.fired_at is not None and (notice := memory.notice(event.alert, ""))
        ]

    def firing_seconds(self) -> float:
        """How long alerts fired, all together; what still fires counts to the end."""
        total, since = 0.0, {}
        for event in self.events:
            if event.to == "firing":
                since[event.alert.labels] = event.at
            elif event.to in {"resolved", "inactive"} and event.alert.labels in since:
                total += (event.at - since.pop(event.alert.labels)).total_seconds()
        return total + sum((self.end - at).total_seconds() for at in since.values())


def ask(
    project_id: int,
    expr: str,
    start: dt.datetime,
    end: dt.datetime,
    interval: dt.timedelta,
    *,
    offset_ms: int = 0,
) -> Seen:
    """The answers from start to end, both included; raises query.Failed."""
    first, last = clock.to_ms(start) - offset_ms, clock.to_ms(end) - offset_ms
    found = query.range(project_id, expr, first, last, interval, limits=LIMITS)
    values = np.where(found.floats, found.values, np.nan) if found.histograms else found.values
    return Seen(found.times + offset_ms, found.labels, values, found.present())


def run(facts: Facts, seen: Seen, around: Surroundings | None = None, *, texts: bool = False) -> Story:
    """The life of the rule's alerts. ``texts``: annotations are filled in, too."""
    steps = _Steps(facts, seen, around or Surroundings(_nothing), texts=texts)
    story = Story(clock.from_ms(int(seen.times[0])), clock.from_ms(int(seen.times[-1])))
    if len(seen.times) > 1:
        story.interval = dt.timedelta(milliseconds=int(seen.times[1] - seen.times[0]))
    known: Sequence[state.Alert] = ()
    for place in steps.places():
        at = clock.from_ms(int(seen.times[place]))
        try:
            new = state.step(known, steps.seen(place), facts.holds, at=at)
            known_facts.within(facts.limit, sum(alert.active for alert in new.alerts), "alerts")
        except (state.SameLabelsError, TooManyError) as error:
            story.failed += 1
            story.error = story.error or str(error)
            steps.fails = True
            if isinstance(error, TooManyError):
                gone = state.cleared(known).changes
                story.events += [Event(at, one.to, steps.told(one.alert, place)) for one in gone]
                known = ()
            continue
        steps.fails = False
        known = new.alerts
        story.events += [Event(at, change.to, steps.told(change.alert, place)) for change in new.changes]
        steps.expect(known, at)
    return story


def _nothing(_: str) -> Answer:
    return Answer()


class _Steps:
    """Which steps have to be looked at, and what is seen there.

    Between two of them the same series are there and no alert becomes due, so a step would change nothing but
    values; the step before each is looked at as well, so that values are those of the evaluation before.
    """

    def __init__(self, facts: Facts, seen: Seen, around: Surroundings, *, texts: bool) -> None:
        self.facts, self.all, self.texts = facts, seen, texts
        series = min(len(seen.labels) * len(seen.times), MOST_FILLED)
        self.around = replace(around, budget=around.budget or Budget(series))
        self.plain = replace(facts, annotations={})
        self.fails = False
        self.due: dt.datetime | None = None
        changing = any(word in text for text in facts.labels.values() for word in _CHANGING if "{{" in text)
        self.fixed: list[Labels] | None = None if changing else self._fixed()
        self.row_of = {labels: row for row, labels in enumerate(self.fixed or ())}

    def _fixed(self) -> list[Labels]:
        vector = [(labels, 0.0) for labels in self.all.labels]
        return [one.labels for one in known_facts.seen(self.plain, Answer(vector), self.around)]

    def _around(self, place: int) -> Surroundings:
        return replace(self.around, at=clock.from_ms(int(self.all.times[place])))

    def places(self) -> Iterator[int]:
        """The steps to look at, ascending. ``expect`` and ``fails`` are set by who takes them."""
        present, times = self.all.present, self.all.times
        if self.fixed is None:
            yield from np.arange(len(times)).tolist()
            return
        differs = np.ones(len(times), dtype=bool)
        differs[1:] = (present[:, 1:] != present[:, :-1]).any(axis=0)
        moments = np.flatnonzero(differs)
        last = -1
        while True:
            place = self._next(last, moments, times)
            if place is None:
                return
            if place - 1 > last:
                yield place - 1
            yield place
            last = place

    def _next(self, last: int, moments: npt.NDArray[np.int64], times: npt.NDArray[np.int64]) -> int | None:
        if self.fails and last + 1 < len(times):
            return last + 1
        at = int(np.searchsorted(moments, last, side="right"))
        found = [int(moments[at])] if at < len(moments) else []
        if self.due is not None:
            due = max(int(np.searchsorted(times, clock.to_ms(self.due), side="left")), last + 1)
            found += [due] if due < len(times) else []
        return min(found, default=None)

    def expect(self, known: Sequence[state.Alert], at: dt.datetime) -> None:
        """When the first of the alerts becomes due, if nothing else happens."""
        moments = []
        for alert in known:
            if alert.state == "pending":
                moments.append(alert.active_at + self.facts.holds.hold)
            elif alert.kept_since is not None:
                moments.append(alert.kept_since + self.facts.holds.keep)
        self.due = min((moment for moment in moments if moment > at), default=None)

    def seen(self, place: int) -> list[state.Seen]:
        rows = np.flatnonzero(self.all.present[:, place]).tolist()
        if self.fixed is None:
            vector = [(self.all.labels[row], float(self.all.values[row, place])) for row in rows]
            return known_facts.seen(self.plain, Answer(vector), self._around(place))
        return [state.Seen(self.fixed[row], {}, float(self.all.values[row, place])) for row in rows]

    def told(self, alert: state.Alert, place: int) -> state.Alert:
        """The alert with its texts, if they are wanted; the end of one keeps the texts of its last sight."""
        row = self.row_of.get(alert.labels)
        if not self.texts or row is None:
            return alert
        while place and not self.all.present[row, place]:
            place -= 1
        value = float(self.all.values[row, place])
        answer = Answer([(self.all.labels[row], value)])
        (found,) = known_facts.seen(self.facts, answer, self._around(place))
        return replace(alert, annotations=found.annotations)

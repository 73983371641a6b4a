"""Pure: which routes take an alert, which group it joins there, and whether a route is quiet now."""

import datetime as dt
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from monitor.alerting import intervals, matching
from monitor.alerting.intervals import Calendar
from monitor.core.labels import Labels, Matcher

EACH, ALL = "...", "-"
Named = tuple[str, Calendar]


@dataclass(frozen=True, slots=True)
class Way:
    """A route as the pure part sees it, with what it inherits filled in.

    ``id`` None: the default of a project without routes. ``contacts`` None: every contact of the project.
    ``key`` names the way by the matchers that lead to it, as Alertmanager does.
    """

    id: int | None
    matchers: tuple[Matcher, ...] = ()
    group_by: tuple[str, ...] = ("alertname",)
    go_on: bool = False
    wait: dt.timedelta = dt.timedelta(seconds=10)
    interval: dt.timedelta = dt.timedelta(seconds=60)
    repeat: dt.timedelta = dt.timedelta(hours=4)
    contacts: tuple[int, ...] | None = None
    muted: tuple[Named, ...] = ()
    active: tuple[Named, ...] = ()
    children: tuple["Way", ...] = ()
    key: str = "{}"

    def quiet_by(self, now: dt.datetime) -> tuple[str, ...]:
        """The names of the times because of which nothing is told now; none: it may speak."""
        muting = tuple(name for name, times in self.muted if intervals.covers(times, now))
        waking = any(intervals.covers(times, now) for _, times in self.active)
        return muting or (() if waking else tuple(name for name, _ in self.active))


DEFAULT = Way(id=None)


def ways_for(labels: Labels, ways: Sequence[Way]) -> list[Way]:
    """The first way that matches, and those after it as long as each says to go on.

    Within a way its children are asked the same; the way itself takes what none of them does. Without any
    way in the project, the default one takes everything; with ways, what none matches goes to nobody.
    """
    return _taken(labels, ways) if ways else [DEFAULT]


def _taken(labels: Labels, ways: Sequence[Way]) -> list[Way]:
    taken: list[Way] = []
    for way in ways:
        if matching.all_match(way.matchers, labels):
            taken += _taken(labels, way.children) or [way]
            if not way.go_on:
                break
    return taken


def every(ways: Sequence[Way]) -> Iterator[Way]:
    """All ways of the tree, parents first."""
    for way in ways:
        yield way
        yield from every(way.children)


def group_labels(labels: Labels, group_by: Sequence[str]) -> Labels:
    """The labels that the alerts of one group share; ``...`` makes every alert a group of its own."""
    return labels if EACH in group_by else labels.keep(group_by)


def digest(labels: Labels) -> str:
    """The name of a group within its route."""
    parts = "\xff".join(f"{name}\xff{value}" for name, value in labels.items_sorted)
    return hashlib.blake2b(parts.encode(), digest_size=16).hexdigest()


def names(text: str) -> tuple[str, ...]:
    """``group_by`` as people type it; ``-`` alone stands for none."""
    parts = (part.strip() for part in text.replace("\n", ",").split(","))
    return tuple(part for part in parts if part not in {"", ALL})

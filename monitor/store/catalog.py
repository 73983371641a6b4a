"""Which series a matcher means: each process keeps the label sets of the projects it is asked about.

The table is read once, then only rows touched since; a row may commit a while after its stamp, hence the
overlap. Memory: about 1 KB a series.
"""

import datetime as dt
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from threading import Lock

import msgspec
from django.db import connection

from monitor.core import clock
from monitor.core.labels import NAME, Labels, Matcher
from monitor.store.append import GRID_MS
from monitor.store.models import SeriesKind
from monitor.store.series import TOUCH_MS

OVERLAP = dt.timedelta(seconds=60)
FLAT_MS = 86_400_000
PROJECTS_KEPT = 50


@dataclass(slots=True)
class Known:
    """One series of a project, over all its shards."""

    id: int
    labels: Labels
    kind: SeriesKind
    first_ms: int
    last_ms: int

    def may_hold(self, start_ms: int, end_ms: int) -> bool:
        """Whether samples in [start, end] are possible; derived series go on flat for a day."""
        slack = TOUCH_MS if self.kind == SeriesKind.PUSHED else TOUCH_MS + FLAT_MS
        return self.first_ms - GRID_MS <= end_ms and self.last_ms + slack >= start_ms


@dataclass(slots=True)
class Catalog:
    """All series of one project, indexed by label pair."""

    project_id: int
    members: dict[int, Known] = field(default_factory=dict)
    index: dict[str, dict[str, set[int]]] = field(default_factory=dict)
    seen: dt.datetime | None = None
    lock: Lock = field(default_factory=Lock)

    def refresh(self) -> None:
        """Take in what was touched since the last look."""
        with self.lock, connection.cursor() as cursor:
            cursor.execute(
                "SELECT id, labels, kind, extract(epoch FROM first_seen)::float8,"
                " extract(epoch FROM last_seen)::float8, touched_at"
                " FROM monitor_series WHERE project_id = %s AND touched_at >= %s",
                [self.project_id, self.seen - OVERLAP if self.seen else clock.from_ms(0)],
            )
            for identity, labels, kind, first, last, touched in cursor.fetchall():
                self._take(identity, labels, SeriesKind(kind), round(first * 1000), round(last * 1000))
                self.seen = max(touched, self.seen) if self.seen else touched

    def find(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> list[Known]:
        """The series that fulfil every matcher and may have samples in the span, by id."""
        chosen: set[int] | None = None
        for matcher in sorted(matchers, key=lambda m: m.op != "="):
            found = self._matching(matcher, chosen)
            chosen = found if chosen is None else chosen & found
            if not chosen:
                return []
        everything = self.members if chosen is None else chosen
        return [
            self.members[identity]
            for identity in sorted(everything)
            if self.members[identity].may_hold(start_ms, end_ms)
        ]

    def _matching(self, matcher: Matcher, among: set[int] | None) -> set[int]:
        values = self.index.get(matcher.label, {})
        if matcher.op == "=" and matcher.value:
            return values.get(matcher.value, set())
        hits = [members for value, members in values.items() if matcher.matches(value)]
        found = set().union(*hits)
        if matcher.matches(""):
            candidates = self.members.keys() if among is None else among
            found |= {i for i in candidates if matcher.label not in self.members[i].labels}
        return found

    def _take(self, identity: int, labels: str, kind: SeriesKind, first: int, last: int) -> None:
        known = self.members.get(identity)
        if known is not None:
            known.first_ms, known.last_ms = min(known.first_ms, first), max(known.last_ms, last)
            return
        known = Known(identity, Labels(msgspec.json.decode(labels)), kind, first, last)
        self.members[identity] = known
        for pair in known.labels.items_sorted:
            self.index.setdefault(pair[0], {}).setdefault(pair[1], set()).add(identity)


_catalogs: OrderedDict[int, Catalog] = OrderedDict()
_lock = Lock()


def of_project(project_id: int) -> Catalog:
    """The project's catalog, up to date with every commit before this call."""
    with _lock:
        catalog = _catalogs.pop(project_id, None) or Catalog(project_id)
        _catalogs[project_id] = catalog
        while len(_catalogs) > PROJECTS_KEPT:
            _catalogs.popitem(last=False)
    catalog.refresh()
    return catalog


def forget(project_id: int) -> None:
    """Drop what this process remembers of a project."""
    with _lock:
        _catalogs.pop(project_id, None)


def found(
    project_id: int, matcher_sets: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int
) -> Iterable[Known]:
    """Series of any of the matcher sets (no set: all), each once."""
    catalog = of_project(project_id)
    chosen = {
        known.id: known
        for matchers in matcher_sets or [()]
        for known in catalog.find(matchers, start_ms, end_ms)
    }
    return chosen.values()


def label_names(
    project_id: int, matcher_sets: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int
) -> list[str]:
    """Names of labels in use, sorted; ``__name__`` included."""
    return sorted(
        {name for known in found(project_id, matcher_sets, start_ms, end_ms) for name in known.labels}
    )


def label_values(
    project_id: int, name: str, matcher_sets: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int
) -> list[str]:
    """Values of one label in use, sorted."""
    series = found(project_id, matcher_sets, start_ms, end_ms)
    return sorted({known.labels[name] for known in series if name in known.labels})


def series(
    project_id: int, matcher_sets: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int
) -> list[Labels]:
    """Label sets, sorted by name and labels."""
    sets = [known.labels for known in found(project_id, matcher_sets, start_ms, end_ms)]
    return sorted(sets, key=lambda labels: (labels.get(NAME, ""), labels.items_sorted))

"""Which series a matcher means: each process keeps the label sets of the projects it is asked about.

The table is read once, then only rows written by transactions that the last look could not see. The same
statement tells what the keepers of decoded samples and of answers must know: whether samples have arrived since
that lie further back than what is never kept. Memory: about 1 KB a series.
"""

from collections import OrderedDict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import msgspec
import psycopg
from django.db import DEFAULT_DB_ALIAS, OperationalError, connection, connections

from monitor.core import patience
from monitor.core.labels import NAME, Labels, Matcher, Roster
from monitor.store import deadline, prepared
from monitor.store.models import SeriesKind
from monitor.store.samples.append import GRID_MS
from monitor.store.samples.series import TOUCH_MS

FLAT_MS = 86_400_000
PROJECTS_KEPT = 50
# of matchers that were asked for: thousands of alert rules each name their own series
FOUND_KEPT = 60_000
ROWS_FOUND_KEPT = 2_000_000
SPANS_KEPT = 8
LONGEST_SECONDS = 30.0
# samples younger than this are never kept: a batch with older ones is noted as late (with minutes to spare)
OPEN_MS = 600_000
CHANGES_KEPT = 256
# late batches are told for longer than this; who has not asked for as long forgets what it kept
REMEMBERED_HOURS = 12
ALWAYS = -(2**62)

# one snapshot: its own horizon and time, series written since, late batches since, and what was made of such
_CHANGES = "SELECT * FROM monitor_changes($1, $2, $3)"
# whether there can be any, and when that was: a quarter of the work of the call above
_PRESENT = """
    SELECT CASE WHEN pg_current_xact_id_if_assigned() IS NULL THEN pg_current_snapshot()::text END,
           extract(epoch FROM clock_timestamp())::float8
"""


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


class Members(list[Known]):
    """Series in the order of their labels, never changed once made: whoever keeps something for them all may
    tell them by this object.
    """

    def __init__(self, members: Iterable[Known]) -> None:
        super().__init__(members)
        self.ids = [member.id for member in self]
        self.labels = Roster(member.labels for member in self)
        self.pushed = all(member.kind == SeriesKind.PUSHED for member in self)
        # what a span leaves of them, by which are left
        self.some: OrderedDict[bytes, Members] = OrderedDict()
        self.bounds = self._bounds()

    def _bounds(self) -> tuple[int, int]:
        """Every member may hold samples from the first to the second of these times."""
        first = max((member.first_ms for member in self), default=0) - GRID_MS
        return first, min((member.last_ms for member in self), default=0) + TOUCH_MS

    def within(self, start_ms: int, end_ms: int) -> "Members":
        """Those that may have samples in the span."""
        first, last = self.bounds
        if first <= end_ms and last >= start_ms:
            return self
        self.bounds = first, last = self._bounds()
        if first <= end_ms and last >= start_ms:
            return self
        kept = [member.may_hold(start_ms, end_ms) for member in self]
        if all(kept):
            return self
        key = bytes(kept)
        found = self.some.get(key)
        if found is None:
            found = self.some[key] = Members(
                member for member, stays in zip(self, kept, strict=True) if stays
            )
            while len(self.some) > SPANS_KEPT:
                self.some.popitem(last=False)
        return found


def _by_labels(known: Known) -> tuple[tuple[str, str], ...]:
    return known.labels.items_sorted


def _fulfils(known: Known, matchers: Sequence[Matcher]) -> bool:
    return all(matcher.matches(known.labels.get(matcher.label, "")) for matcher in matchers)


@dataclass(frozen=True, slots=True)
class Moment:
    """What a look at the store saw: samples up to ``closed_ms`` stay as they are until a change is told.

    ``version`` grows with every change to such samples.
    """

    version: int
    closed_ms: int
    buckets: int


@dataclass(slots=True)
class Catalog:
    """All series of one project, indexed by label pair."""

    project_id: int
    members: dict[int, Known] = field(default_factory=dict)
    index: dict[str, dict[str, set[int]]] = field(default_factory=dict)
    moment: Moment = Moment(0, ALWAYS, 1)
    since: int = 0
    # the last look's snapshot: while it is the same, nothing has changed; and whether it was the one before
    seen: str | None = None
    still: bool = False
    # the late batches that the last look returned (who wrote them, since when); a later one may return them again
    told: frozenset[tuple[int, int]] = frozenset()
    changes: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=CHANGES_KEPT))
    lock: Lock = field(default_factory=Lock)
    # the members in the order in which they became known
    arrived: list[Known] = field(default_factory=list)
    # what matchers were last asked for: how many series there were, and those that fulfil them
    found: dict[tuple[Matcher, ...], tuple[int, Members]] = field(default_factory=dict)
    rows_found: int = 0
    matchers_found: int = 0

    def refresh(self, seconds: float = LONGEST_SECONDS) -> Moment:
        """Take in what was written since the last look; raises deadline.StoppedError when that takes longer."""
        with deadline.stopped_after(seconds), self.lock:
            if self.still:
                ((present, now),) = _rows(_PRESENT, ())
                if present is not None and present == self.seen:
                    return self._moved_on(now, [], self.moment.buckets)
            rows = _rows(_CHANGES, (self.project_id, self.since, self.seen))
            horizon, self.seen, now, buckets = next(
                (row[1], row[2], row[4], row[5]) for row in rows if row[0] == 0
            )
            self.still = horizon is None
            if horizon is None:
                return self._moved_on(now, [], self.moment.buckets)
            moment = self._moved_on(now, self._changed(rows), int(buckets or 1))
            self.since = horizon
            return moment

    def _moved_on(self, now: float, changed: list[int], buckets: int) -> Moment:
        """As of that second, with changes from these times on."""
        closed, version = round(now * 1000) - OPEN_MS, self.moment.version
        if closed - self.moment.closed_ms > REMEMBERED_HOURS * 3_600_000:
            changed.append(ALWAYS)
        if changed:
            version += 1
            self.changes.append((version, min(changed)))
        self.moment = Moment(version, closed, buckets)
        return self.moment

    def _changed(self, rows: Sequence[tuple[Any, ...]]) -> list[int]:
        """Take in what is new; the times from which on it changes what is long past."""
        changed = [
            self._take(identity, labels, SeriesKind(kind), round(first * 1000), round(last * 1000))
            for what, identity, labels, kind, first, last in rows
            if what == 1
        ]
        late = frozenset((identity, int(least)) for what, identity, _, _, least, _ in rows if what == 2)
        news = [least - GRID_MS for _, least in late - self.told]
        self.told = late
        return [at for at in changed if at is not None] + news

    def changed_from(self, version: int) -> int | None:
        """From which time on samples may have changed since that version; None: they have not."""
        with self.lock:
            if version >= self.moment.version:
                return None
            if not self.changes or self.changes[0][0] > version + 1:
                return ALWAYS
            return min(at for number, at in self.changes if number > version)

    def find(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> Members:
        """The series that fulfil every matcher and may have samples in the span, by their labels."""
        key, size = tuple(matchers), len(self.arrived)
        known = self.found.get(key)
        if known is None:
            members = Members(sorted(self._matched(matchers), key=_by_labels))
            self.rows_found += len(members)
            self.matchers_found += len(key)
            if self.matchers_found > FOUND_KEPT or self.rows_found > ROWS_FOUND_KEPT:
                self.found.clear()
                self.rows_found, self.matchers_found = len(members), len(key)
            known = self.found[key] = (size, members)
        elif known[0] != size:
            more = [
                member
                for member in patience.each(self.arrived[known[0] : size])
                if _fulfils(member, matchers)
            ]
            members = Members(sorted([*known[1], *more], key=_by_labels)) if more else known[1]
            known = self.found[key] = (size, members)
        return known[1].within(start_ms, end_ms)

    def _matched(self, matchers: Sequence[Matcher]) -> list[Known]:
        chosen: set[int] | None = None
        for matcher in sorted(matchers, key=lambda m: m.op != "="):
            found = self._matching(matcher, chosen)
            chosen = found if chosen is None else chosen & found
            if not chosen:
                return []
        everything = self.members if chosen is None else chosen
        return [self.members[identity] for identity in patience.each(list(everything))]

    def values_of(self, name: str, start_ms: int, end_ms: int) -> list[str]:
        """The label's values of all series that may have samples in the span, sorted."""
        values = self.index.get(name, {}).copy()
        return sorted(value for value, owners in values.items() if self._any_holds(owners, start_ms, end_ms))

    def names(self, start_ms: int, end_ms: int) -> list[str]:
        """The labels of all series that may have samples in the span, sorted."""
        return sorted(
            name
            for name, values in self.index.copy().items()
            if any(self._any_holds(owners, start_ms, end_ms) for owners in list(values.values()))
        )

    def _any_holds(self, owners: set[int], start_ms: int, end_ms: int) -> bool:
        """Whether any may have samples in the span; the first one mostly does, so they are not copied at once."""
        members = self.members
        try:
            return any(members[identity].may_hold(start_ms, end_ms) for identity in owners)
        except RuntimeError:
            # another thread has just learned of a series
            return any(members[identity].may_hold(start_ms, end_ms) for identity in owners.copy())

    def _matching(self, matcher: Matcher, among: set[int] | None) -> set[int]:
        values = self.index.get(matcher.label, {})
        if matcher.op == "=" and matcher.value:
            return values.get(matcher.value, set())
        hits = [members for value, members in patience.each(list(values.items())) if matcher.matches(value)]
        found = set().union(*hits)
        if matcher.matches(""):
            candidates = list(self.members) if among is None else among
            found |= {
                i for i in patience.each(list(candidates)) if matcher.label not in self.members[i].labels
            }
        return found

    def _take(self, identity: int, labels: str, kind: SeriesKind, first: int, last: int) -> int | None:
        """Take in one row; the time from which on it changes what is long past, if it does."""
        known = self.members.get(identity)
        if known is not None:
            # a derived series that was silent for longer than it goes on flat now has no gap any more
            resumed = kind != SeriesKind.PUSHED and last > known.last_ms + FLAT_MS - TOUCH_MS
            before = known.last_ms
            known.first_ms, known.last_ms = min(known.first_ms, first), max(known.last_ms, last)
            return before if resumed else None
        known = Known(identity, Labels(msgspec.json.decode(labels), lasting=True), kind, first, last)
        self.members[identity] = known
        for pair in known.labels.items_sorted:
            self.index.setdefault(pair[0], {}).setdefault(pair[1], set()).add(identity)
        self.arrived.append(known)
        return None


def _rows(sql: str, values: tuple[int | str | None, ...]) -> list[tuple[Any, ...]]:
    """What the statement tells. It asks the server itself, so it is the check of the connection too."""
    # found once: each look through Django's own handle to it goes by the thread's storage
    here = connections[DEFAULT_DB_ALIAS]
    here.ensure_connection()
    try:
        if not here.in_atomic_block:
            rows = prepared.rows(here.connection, sql, values)
        else:
            own = here.connection
            with prepared.heeded(own), psycopg.RawCursor(own) as cursor:
                rows = cursor.execute(sql, values, prepare=True).fetchall()
    except psycopg.errors.QueryCanceled as error:
        raise OperationalError(str(error)) from error
    except psycopg.OperationalError:
        if here.in_atomic_block:
            raise
        # the server went away while the connection was idle: once more over a new one, errors Django's own
        here.close()
        here.ensure_connection()
        with here.wrap_database_errors, psycopg.RawCursor(here.connection) as cursor:
            rows = cursor.execute(sql, values).fetchall()
    here.health_check_done = True  # type: ignore[attr-defined] # missing in the stubs
    return rows


_catalogs: OrderedDict[int, Catalog] = OrderedDict()
_lock = Lock()


def of_project(project_id: int) -> Catalog:
    """The project's catalog, up to date with every commit before this call."""
    catalog = held(project_id)
    catalog.refresh()
    return catalog


def held(project_id: int) -> Catalog:
    """The project's catalog as this process knows it; refresh it before it is asked."""
    with _lock:
        catalog = _catalogs.pop(project_id, None) or Catalog(project_id)
        _catalogs[project_id] = catalog
        while len(_catalogs) > PROJECTS_KEPT:
            _catalogs.popitem(last=False)
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
    if not matcher_sets:
        return of_project(project_id).names(start_ms, end_ms)
    return sorted(
        {name for known in found(project_id, matcher_sets, start_ms, end_ms) for name in known.labels}
    )


def label_values(
    project_id: int, name: str, matcher_sets: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int
) -> list[str]:
    """Values of one label in use, sorted."""
    if not matcher_sets:
        return of_project(project_id).values_of(name, start_ms, end_ms)
    series = found(project_id, matcher_sets, start_ms, end_ms)
    return sorted({known.labels[name] for known in series if name in known.labels})


def series(
    project_id: int, matcher_sets: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int
) -> list[Labels]:
    """Label sets, sorted by name and labels."""
    sets = [known.labels for known in found(project_id, matcher_sets, start_ms, end_ms)]
    return sorted(sets, key=lambda labels: (labels.get(NAME, ""), labels.items_sorted))


def has_series(project_id: int, *, but: Sequence[str]) -> bool:
    """Whether there is any series whose name does not begin with one of ``but``."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT 1 FROM monitor_series WHERE project_id = %s"
            " AND NOT EXISTS (SELECT 1 FROM unnest(%s::text[]) AS b (name) WHERE starts_with(monitor_series.name, b.name)))",
            [project_id, list(but)],
        )
        return bool(cursor.fetchone()[0])

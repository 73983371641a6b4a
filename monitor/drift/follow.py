"""Every signal of every version with traffic, taken to the present; or taken again over a stretch of the past."""

import datetime as dt
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from monitor.core import clock
from monitor.core.labels import NAME, Matcher
from monitor.core.samples import Selection
from monitor.drift import anomalies, explain, policy, shelf, walk, windows
from monitor.drift.engine.matching import HOUR
from monitor.drift.models import DriftSignal, DriftSketch, WatchState
from monitor.drift.policy import Policy
from monitor.drift.shelf import Shelf
from monitor.drift.signals import CATEGORY, NUMBER, SIGNALS
from monitor.drift.subjects import Span
from monitor.drift.walk import Walk
from monitor.drift.windows import VersionRow
from monitor.store.ageing import removing
from monitor.store.calls import generations, lineup
from monitor.store.models import Project

log = logging.getLogger("vigil.drift")

LOOKBACK = dt.timedelta(days=8)
LEAST_CALLS = windows.ENOUGH_CALLS
VERSIONS_PER_PROJECT = 20
# a version that fell silent is followed a little longer, then its signals rest
AFTER_LAST = 6 * HOUR
# a history that is being told late is waited for until it has been quiet so long
QUIET_SECONDS = 120
OLD_HOURS = 2
# an attribute is a number or a category by what so many hours hold
HOURS_FOR_NAMES = 24
# what is not caught up in this time waits for the next run
LONGEST_RUN_SECONDS = 40.0


@dataclass(frozen=True, slots=True)
class Page:
    """A page that began ``at``; ``name`` is its stream (a topic, a tenant), empty where there is only one."""

    model: str
    version: str
    kind: str
    name: str
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay did: versions, ticks taken, and the pages in order."""

    versions: int
    ticks: int
    pages: tuple[Page, ...]


def run_due(*, now: dt.datetime) -> int:
    """Take the due ticks of all projects; how many were taken."""
    taken, until = 0, clock.monotonic() + LONGEST_RUN_SECONDS
    for project in Project.objects.filter(deleted_at=None):
        taken += run_project(project.pk, now=now, until=until)
        if clock.monotonic() > until:
            break
    return taken


def run_project(project_id: int, *, now: dt.datetime, until: float = math.inf) -> int:
    """The same of one project; no further version is begun at ``until`` (by the monotonic clock)."""
    rows = windows.traffic(project_id, Span(now - LOOKBACK, now))
    lively = [row for row in rows if row.n >= LEAST_CALLS][:VERSIONS_PER_PROJECT]
    _leave(project_id, rows, lively)
    newest = max((row.last for row in rows), default=None)
    if newest is None:
        return 0
    taken = 0
    firsts = {model: _firsts(project_id, model, lively) for model in {row.model for row in lively}}
    ready = policy.of(project_id, _lives(lively, firsts))
    # the versions of a model look at each other's last hours: those are added up once
    desks = {model: Shelf(project_id, model, now) for model in firsts}
    for row in sorted(lively, key=lambda one: one.first):
        if clock.monotonic() > until:
            return taken
        taken += _follow(desks[row.model], row, firsts[row.model], newest, ready)
        desks[row.model].rest()
    for model in sorted(firsts):
        _expect(desks[model], firsts[model], ready)
        del desks[model]
    return taken


def _leave(project_id: int, rows: Sequence[VersionRow], followed: Sequence[VersionRow]) -> None:
    """Of versions that are not followed (any more) nothing is known: what was found last says nothing about now."""
    mine = DriftSignal.objects.filter(project_id=project_id).exclude(state=WatchState.UNKNOWN)
    known = {(row.model, row.version): row.n for row in rows}
    for model, version in set(mine.values_list("model", "version")) - {
        (row.model, row.version) for row in followed
    }:
        n = known.get((model, version), 0)
        reason = f"{n} calls in the last {LOOKBACK.days} days; at least {LEAST_CALLS} are needed"
        if n >= LEAST_CALLS:
            reason = f"of a project {VERSIONS_PER_PROJECT} versions are followed, those with most calls"
        mine.filter(model=model, version=version).update(state=WatchState.UNKNOWN, reason=reason)


def _lives(rows: Sequence[VersionRow], firsts: Mapping[str, dict[str, int]]) -> list[tuple[int, int]]:
    """First and last hour of each version."""
    return [
        (firsts[row.model].get(row.version, int(row.first.timestamp()) // HOUR), int(row.last.timestamp()) // HOUR)
        for row in rows
    ]  # fmt: skip


def _follow(desk: Shelf, row: VersionRow, firsts: dict[str, int], newest: dt.datetime, ready: Policy) -> int:
    now = desk.now
    if _being_told(_signals(desk, row, ready, told=False), row, now=now):
        return 0
    signals = _signals(desk, row, ready, told=True)
    end = int(min(newest.timestamp(), row.last.timestamp() + AFTER_LAST))
    return sum(
        _take(Walk(signal, desk, firsts, ready), int(now.timestamp()), end, now=now) for signal in signals
    )


def _expect(desk: Shelf, firsts: dict[str, int], ready: Policy) -> None:
    """What is expected of a model's volume, once its past is told."""
    mine = DriftSignal.objects.filter(project_id=desk.project_id, model=desk.model)
    if mine.exclude(evaluated_to=None).exists():
        try:
            anomalies.run(desk, firsts, ready.calendar, until=int(desk.now.timestamp()))
        except (ValueError, LookupError, ArithmeticError):
            log.exception("expected volume of %s", desk.model)


def _signals(desk: Shelf, row: VersionRow, ready: Policy, *, told: bool) -> list[DriftSignal]:
    """The signals of a version, made when it is seen for the first time; of attributes, once its past is told."""
    key = {"project_id": desk.project_id, "model": row.model, "version": row.version}
    known = set(DriftSignal.objects.filter(**key).values_list("kind", flat=True))
    wanted = [*SIGNALS, *(_of_attributes(desk, row, ready, known) if told else ())]
    DriftSignal.objects.bulk_create(
        [DriftSignal(**key, kind=kind) for kind in wanted if kind not in known], ignore_conflicts=True
    )
    named = {prefix + name for name in ready.attributes for prefix in (NUMBER, CATEGORY)}
    found = DriftSignal.objects.filter(**key, enabled=True)
    return [one for one in found if one.kind in SIGNALS or one.kind in named]


def _of_attributes(desk: Shelf, row: VersionRow, ready: Policy, known: set[str]) -> list[str]:
    """Signals of attributes that are new: by what the last closed hours hold under that name."""
    missing = [name for name in ready.attributes if known.isdisjoint({NUMBER + name, CATEGORY + name})]
    if not missing:
        return []
    end = int(min(row.last, desk.now).timestamp()) // HOUR
    bodies = desk.window(row.version, end - HOURS_FOR_NAMES, end, part="calls").bodies
    kinds = ((NUMBER, "numbers"), (CATEGORY, "shares"))
    return [
        prefix + name
        for name in missing
        for prefix, table in kinds
        if any(prefix + name in getattr(body, table) for body in bodies)
    ]


def _firsts(project_id: int, model: str, rows: Sequence[VersionRow]) -> dict[str, int]:
    """The first hour of every version of the model that had calls lately or has signals."""
    names = {row.version for row in rows if row.model == model}
    names |= set(
        DriftSignal.objects.filter(project_id=project_id, model=model).values_list("version", flat=True)
    )
    found = {}
    for name in sorted(names):
        first = generations.first_of(project_id, model, name)
        if first is not None:
            found[name] = int(first.timestamp()) // HOUR
    return found


def _being_told(signals: Sequence[DriftSignal], row: VersionRow, *, now: dt.datetime) -> bool:
    """Whether calls of a new version's past are still coming in: then its reference must not be pinned yet."""
    if not signals or any(signal.evaluated_to is not None for signal in signals):
        return False
    if row.first > now - dt.timedelta(hours=OLD_HOURS):
        return False
    first, at = signals[0], now.timestamp()
    seen: dict[str, float] = first.progress.get("told", {"before": at - OLD_HOURS * HOUR})
    n = generations.count(
        row.model, row.version, project_id=first.project_id, before=clock.from_ms(int(seen["before"] * 1000))
    )
    if seen.get("n") == n:
        return at - seen["at"] < QUIET_SECONDS
    first.progress = {"told": {"n": n, "before": seen["before"], "at": at}}
    first.save(update_fields=["progress"])
    return True


def _take(walk: Walk, until: int, newest: int, *, now: dt.datetime) -> int:
    """One signal; what goes wrong with it is noted on it and stops no other."""
    started, signal, taken = clock.monotonic(), walk.signal, 0
    try:
        taken = walk.run(until, newest)
        signal.last_ok, signal.last_error = now, ""
    except (ValueError, LookupError, ArithmeticError) as error:
        log.exception("drift signal %s", signal)
        signal.last_error = f"{type(error).__name__}: {error}"
        signal.state, signal.reason = WatchState.UNKNOWN, signal.last_error
    if newest < until - walk.kind.seal - 2 * HOUR and not signal.last_error:
        quiet = clock.from_ms(newest * 1000)
        signal.state, signal.reason = WatchState.UNKNOWN, f"no calls since {quiet:%Y-%m-%d %H:%M} UTC"
    signal.last_duration = clock.monotonic() - started
    signal.save()
    try:
        explain.run(signal, walk.shelf)
    except (ValueError, LookupError, ArithmeticError):
        # a page without its words is still a page
        log.exception("why drift signal %s moved", signal)
    return taken


def replay(project_id: int, start: dt.datetime, end: dt.datetime, *, now: dt.datetime) -> Replayed:
    """Take all signals again over the calls stored in [start, end), in event time.

    Evidence, states and series are those that live calls would have given; points of that time which were
    written before are taken back first. Signals that have been followed beyond ``end`` keep their state.
    """
    rows = [row for row in lineup.versions(project_id, start, end) if row.n >= LEAST_CALLS]
    taken, pages = 0, []
    known = {model: _firsts(project_id, model, rows) for model in {row.model for row in rows}}
    ready = policy.of(project_id, _lives(rows, known))
    shelf.forget(project_id, int(start.timestamp()) // HOUR, int(end.timestamp()) // HOUR + 1, now=now)
    DriftSketch.objects.filter(project_id=project_id, part__startswith="clusters").delete()
    _take_back(project_id, start, end, now=now)
    for row in sorted(rows, key=lambda one: one.first):
        desk = Shelf(project_id, row.model, now)
        firsts = known[row.model]
        for signal in _signals(desk, row, ready, told=True):
            kept = (signal.evaluated_to or 0) <= end.timestamp()
            signal.evaluated_to, signal.progress, signal.body = None, {}, {}
            again = Walk(signal, desk, firsts, ready, begin=int(start.timestamp()))
            newest = int(min(row.last, end).timestamp())
            if kept:
                taken += _take(again, int(end.timestamp()), newest, now=now)
            else:
                taken += again.run(int(end.timestamp()), newest)
            pages += [
                Page(row.model, row.version, signal.kind, name, clock.from_ms(at * 1000))
                for at, name in again.pages
            ]
    for model in sorted({row.model for row in rows}):
        pages += [
            Page(model, "", name, "", clock.from_ms(at * 1000))
            for name, at in anomalies.run(
                Shelf(project_id, model, now), known[model], ready.calendar,
                begin=int(start.timestamp()), until=int(end.timestamp()),
            )
        ]  # fmt: skip
    return Replayed(len(rows), taken, tuple(sorted(pages, key=lambda page: page.at)))


def _take_back(project_id: int, start: dt.datetime, end: dt.datetime, *, now: dt.datetime) -> None:
    """Empty the span of what signals and expected volumes have written."""
    written = (Matcher(NAME, "=~", "|".join(walk.SERIES)), Matcher("detector", "=", walk.DETECTOR))
    expected = (Matcher(NAME, "=~", "|".join(anomalies.SERIES)),)
    span = clock.to_ms(start), clock.to_ms(end)
    removing.remove(project_id, [Selection(one, *span) for one in (written, expected)], now=now)

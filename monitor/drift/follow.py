"""Every signal of every version with traffic, taken to the present; or taken again over a stretch of the past."""

import datetime as dt
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from monitor.core import clock
from monitor.drift import anomalies, explain, policy, shelf
from monitor.drift.engine.matching import HOUR
from monitor.drift.models import DriftSignal, DriftSketch, WatchState
from monitor.drift.policy import Policy
from monitor.drift.shelf import Shelf
from monitor.drift.signals import SIGNALS
from monitor.drift.walk import Walk
from monitor.store import generations
from monitor.store.generations import VersionRow
from monitor.store.models import Project

log = logging.getLogger("vigil.drift")

LOOKBACK = dt.timedelta(days=8)
LEAST_CALLS = 200
VERSIONS_PER_PROJECT = 20
# a version that fell silent is followed a little longer, then its signals rest
AFTER_LAST = 6 * HOUR
# a history that is being told late is waited for until it has been quiet so long
QUIET_SECONDS = 300
OLD_HOURS = 2
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
    taken, started = 0, clock.monotonic()
    for project in Project.objects.filter(deleted_at=None):
        rows = generations.versions(project.pk, now - LOOKBACK, now)
        newest = max((row.last for row in rows), default=None)
        if newest is None:
            continue
        ready = policy.of(project.pk)
        lively = [row for row in rows if row.n >= LEAST_CALLS][:VERSIONS_PER_PROJECT]
        for row in sorted(lively, key=lambda one: one.first):
            if clock.monotonic() - started > LONGEST_RUN_SECONDS:
                return taken
            taken += _follow(project.pk, row, lively, newest, ready, now=now)
        for model in sorted({row.model for row in lively}):
            _expect(project.pk, model, lively, ready, now=now)
    return taken


def _follow(
    project_id: int, row: VersionRow, rows: Sequence[VersionRow], newest: dt.datetime, ready: Policy, *,
    now: dt.datetime,
) -> int:  # fmt: skip
    signals = _signals(project_id, row.model, row.version)
    firsts = _firsts(project_id, row.model, rows)
    if _being_told(signals, row, now=now):
        return 0
    desk = Shelf(project_id, row.model, now)
    end = int(min(newest.timestamp(), row.last.timestamp() + AFTER_LAST))
    return sum(
        _take(Walk(signal, desk, firsts, ready), int(now.timestamp()), end, now=now) for signal in signals
    )


def _expect(
    project_id: int, model: str, rows: Sequence[VersionRow], ready: Policy, *, now: dt.datetime
) -> None:
    """What is expected of a model's volume, once its past is told."""
    if DriftSignal.objects.filter(project_id=project_id, model=model).exclude(evaluated_to=None).exists():
        firsts = _firsts(project_id, model, rows)
        try:
            anomalies.run(Shelf(project_id, model, now), firsts, ready.calendar, until=int(now.timestamp()))
        except (ValueError, LookupError, ArithmeticError):
            log.exception("expected volume of %s", model)


def _signals(project_id: int, model: str, version: str) -> list[DriftSignal]:
    """The signals of a version, made when it is seen for the first time."""
    key = {"project_id": project_id, "model": model, "version": version}
    known = set(DriftSignal.objects.filter(**key).values_list("kind", flat=True))
    DriftSignal.objects.bulk_create(
        [DriftSignal(**key, kind=kind) for kind in SIGNALS if kind not in known], ignore_conflicts=True
    )
    return list(DriftSignal.objects.filter(**key, enabled=True))


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

    Evidence, states and series are those that live calls would have given. A page that the series already
    hold stays; where they hold another value for a moment, the first one stays.
    """
    rows = [row for row in generations.versions(project_id, start, end) if row.n >= LEAST_CALLS]
    ready, taken, pages = policy.of(project_id), 0, []
    shelf.forget(project_id, int(start.timestamp()) // HOUR, int(end.timestamp()) // HOUR + 1)
    DriftSketch.objects.filter(project_id=project_id, part__startswith="clusters").delete()
    for row in sorted(rows, key=lambda one: one.first):
        desk = Shelf(project_id, row.model, now)
        firsts = _firsts(project_id, row.model, rows)
        for signal in _signals(project_id, row.model, row.version):
            signal.evaluated_to, signal.progress, signal.body = None, {}, {}
            walk = Walk(signal, desk, firsts, ready, begin=int(start.timestamp()))
            taken += _take(walk, int(end.timestamp()), int(min(row.last, end).timestamp()), now=now)
            pages += [
                Page(row.model, row.version, signal.kind, name, clock.from_ms(at * 1000))
                for at, name in walk.pages
            ]
    for model in sorted({row.model for row in rows}):
        pages += [
            Page(model, "", name, "", clock.from_ms(at * 1000))
            for name, at in anomalies.run(
                Shelf(project_id, model, now), _firsts(project_id, model, rows), ready.calendar,
                begin=int(start.timestamp()), until=int(end.timestamp()),
            )
        ]  # fmt: skip
    return Replayed(len(rows), taken, tuple(sorted(pages, key=lambda page: page.at)))

"""Every watch, step by step in event time: compare, add to the evidence, write series and a report.

A step depends on the stored calls and its moment only, so a history that is told late gives the steps that
it would have given live. Steps lie 2 minutes apart; where much is to be caught up, one window apart.
"""

import datetime as dt
import logging
import zlib
from collections.abc import Sequence

from django.db import models

from monitor.core import clock, fields
from monitor.core.labels import NAME, Matcher
from monitor.core.samples import Selection
from monitor.drift import features, pinning, policy, reports, walk, windows
from monitor.drift.assess import assess
from monitor.drift.detectors import DETECTORS
from monitor.drift.detectors.base import DATA, Detector, TooFewError, WrongDataError, reads
from monitor.drift.evidence import Evidence
from monitor.drift.models import DriftReport, DriftWatch, WatchState
from monitor.drift.subjects import Span, Subject
from monitor.drift.windows import Reference, VersionRow
from monitor.registry import UnknownNameError
from monitor.store.ageing import removing
from monitor.store.calls import lineup
from monitor.store.models import Project
from monitor.store.samples import append

log = logging.getLogger("vigil.drift")

# PromQL looks back 5 minutes for a gauge: a step, the grace and a late tick together must stay below that
STEP = dt.timedelta(minutes=2)
# a batch that is on its way at the end of a window still counts
GRACE = dt.timedelta(seconds=45)
LOOKBACK = dt.timedelta(days=8)
SILENCE = dt.timedelta(minutes=10)
STEPS_PER_RUN = 60
WARNING = 0.7
# a reference shorter than this has not seen much of the day
SHORT_HOURS = 6.0
# what a replay of a stretch that is long over leaves as it is
STANDING = ("evaluated_to", "progress", "state", "reason", "last_ok", "last_error", "last_duration")
# what whoever set the watch up must mend
STOPS = (
    WrongDataError, fields.BadFieldError, UnknownNameError, features.UnknownFeatureError, policy.BadPolicyError
)  # fmt: skip
REPORTS_KEPT = dt.timedelta(days=30)
# what is not caught up in this time waits for the next run
LONGEST_RUN_SECONDS = 20.0


def run_due(*, now: dt.datetime) -> int:
    """Take every due step of every watch that people have set up; how many steps were taken."""
    taken, started = 0, clock.monotonic()
    for project in Project.objects.filter(deleted_at=None, drift_watches__enabled=True).distinct():
        rows = windows.traffic(project.pk, Span(now - LOOKBACK, now))
        for watch in DriftWatch.objects.filter(project=project, enabled=True).order_by(
            models.F("evaluated_to").asc(nulls_first=True), "pk"
        ):
            if clock.monotonic() - started < LONGEST_RUN_SECONDS:
                taken += run(watch, rows, now=now)
    DriftReport.objects.filter(at__lt=now - REPORTS_KEPT).delete()
    return taken


def replay(project_id: int, start: dt.datetime, end: dt.datetime, *, now: dt.datetime) -> int:
    """Take the steps of [start, end] again, of its last eight days at most; how many. Evidence begins with none.

    Points and reports of that time are taken back first. A watch that has gone on beyond keeps its state.
    """
    rows, taken = lineup.versions(project_id, start, end), 0
    for watch in DriftWatch.objects.filter(project_id=project_id, enabled=True):
        kept = {name: getattr(watch, name) for name in STANDING}
        _take_back(watch, start, end, now=now)
        DriftWatch.objects.filter(pk=watch.pk).update(evaluated_to=None, progress={})
        done = 1
        while done:
            watch.refresh_from_db()
            done = run(watch, rows, now=now, until=end)
            taken += done
        if watch.evaluated_to is None or (kept["evaluated_to"] or end) > end:
            DriftWatch.objects.filter(pk=watch.pk).update(**kept)
    return taken


def _take_back(watch: DriftWatch, start: dt.datetime, end: dt.datetime, *, now: dt.datetime) -> None:
    mine = [Matcher(name, "=", value) for name, value in reports.labels(watch).items_sorted]
    series = Matcher(NAME, "=~", "|".join(walk.SERIES))
    span = clock.to_ms(start), clock.to_ms(end)
    removing.remove(watch.project_id, [Selection((series, *mine), *span)], now=now)
    DriftReport.objects.filter(watch=watch, at__gte=start, at__lte=end).delete()


def run(
    watch: DriftWatch, rows: Sequence[VersionRow], *, now: dt.datetime, until: dt.datetime | None = None
) -> int:
    """Take the due steps of one watch and note how it went; how many were taken. ``until``: only of the past."""
    started, until = clock.monotonic(), until or now
    taken, error = 0, ""
    try:
        detector = make(watch)
        ready = policy.of(watch.project_id, map(_life, rows))
        pinned = None if watch.past_weeks else pinning.reference_of(watch, rows)
        for moment in due_steps(watch, pinned, rows, now=until):
            limit = ready.limit(watch.window_seconds, moment.timestamp())
            found = pinned or pinning.past_weeks(watch, moment, ready.calendar.zone)
            if not step(watch, detector, found, moment, limit, now=now):
                break
            taken += 1
        _mark_silence(watch, rows, now=until)
    except pinning.NoReferenceError as problem:
        state = WatchState.LEARNING if problem.learning else WatchState.UNKNOWN
        DriftWatch.objects.filter(pk=watch.pk).update(state=state, reason=str(problem))
    except STOPS as problem:
        error = str(problem)
        DriftWatch.objects.filter(pk=watch.pk).update(state=WatchState.UNKNOWN, reason=error)
        if error != watch.last_error:
            log.warning("drift watch %s: %s", watch, error)
    noted = {"last_error": error, "last_duration": clock.monotonic() - started}
    DriftWatch.objects.filter(pk=watch.pk).update(**noted, **({} if error else {"last_ok": now}))
    return taken


def _mark_silence(watch: DriftWatch, rows: Sequence[VersionRow], *, now: dt.datetime) -> None:
    """A version without any call in days, or a project without one for a window: the last state says nothing about
    now.
    """
    newest = windows.newest(rows)
    here = any((row.model, row.version) == (watch.model, watch.version) for row in rows)
    if newest is None or not here or now - newest > dt.timedelta(seconds=watch.window_seconds) + SILENCE:
        reason = (
            f"no calls since {newest:%Y-%m-%d %H:%M} UTC" if newest and here else "no calls in the last days"
        )
        DriftWatch.objects.filter(pk=watch.pk).update(state=WatchState.UNKNOWN, reason=reason)


def make(watch: DriftWatch) -> Detector:
    """The detector of a watch; raises one of STOPS."""
    kind = DETECTORS[watch.detector]
    made: Detector = kind(fields.clean(kind.fields, watch.settings))
    feature = features.of(watch.feature)
    if reads(made, feature.kind) is None:
        compared = ", ".join(sorted({DATA[one] for one in made.kinds}))
        message = (
            f"{watch.detector} compares {compared}, but {feature.label} is made of {feature.kind}; "
            "choose another detector"
        )
        raise WrongDataError(message)
    return made


def due_steps(
    watch: DriftWatch, found: Reference | None, rows: Sequence[VersionRow], *, now: dt.datetime
) -> list[dt.datetime]:
    """The moments still to be looked at, oldest first: never beyond the newest stored call of the project.

    ``found``: the pinned reference; None where each moment has its own.
    """
    window = dt.timedelta(seconds=watch.window_seconds)
    newest = windows.newest(rows)
    own = next((row for row in rows if (row.model, row.version) == (watch.model, watch.version)), None)
    if newest is None or own is None:
        return []
    last = windows.aligned(min(now - GRACE, newest), STEP)
    own_reference = found is not None and found.version == watch.version
    begin = max(own.first, found.span.end if found and own_reference else own.first, now - LOOKBACK)
    moment = watch.evaluated_to or windows.aligned(begin + window, STEP)
    steps: list[dt.datetime] = []
    while len(steps) < STEPS_PER_RUN:
        width = window if last - moment > window else STEP
        moment = windows.aligned(moment, width) + width
        if moment > last:
            break
        steps.append(moment)
    return steps


def _life(row: VersionRow) -> tuple[int, int]:
    return int(row.first.timestamp()) // 3600, int(row.last.timestamp()) // 3600


def step(
    watch: DriftWatch, detector: Detector, found: Reference, moment: dt.datetime, limit: float, *,
    now: dt.datetime,
) -> bool:  # fmt: skip
    """One step; False when it must wait (vectors on their way) or another worker took it. ``limit``: of evidence."""
    feature = features.of(watch.feature)
    subject = Subject(watch.project_id, watch.model, watch.version)
    span = Span(moment - dt.timedelta(seconds=watch.window_seconds), moment)
    if feature.kind == "vectors" and windows.vectors_pending(subject, feature, span):
        return False
    before = watch.evaluated_to
    if not _advance(watch, moment):
        return False
    held = reports.held(watch, before, moment, STEP)
    append.samples(watch.project_id, held, now=now)
    sampled = windows.SAMPLED if "samples" in detector.kinds else 0
    current = windows.current(subject, feature, span, found.embedder, sampled=sampled)
    seed = zlib.crc32(f"{watch.pk} {moment.isoformat()}".encode())
    try:
        result = assess(detector, found.blocks, current, seed=seed, doubled=found.span.hours < SHORT_HOURS)
    except TooFewError as problem:
        made = reports.unknown(watch, detector, found, span, current, str(problem))
        reports.store(watch, made, moment)
        return True
    evidence = Evidence.from_json(watch.progress)
    if moment == windows.aligned(moment, dt.timedelta(seconds=watch.window_seconds)):
        evidence.step(result.excess, outside=result.outside, limit=limit)
        watch.progress = evidence.to_json()
        DriftWatch.objects.filter(pk=watch.pk).update(progress=watch.progress)
    value = evidence.value(limit)
    state = WatchState.DRIFT if evidence.paged else WatchState.OK
    if not evidence.paged and (result.outside or value >= WARNING):
        state = WatchState.WARNING
    made = reports.known(watch, detector, found, span, current, result, value, state)
    reports.store(watch, made, moment)
    append.samples(watch.project_id, reports.points(watch, made, moment), now=now)
    return True


def _advance(watch: DriftWatch, moment: dt.datetime) -> bool:
    """Claim the step: of two workers only one moves the watch on."""
    won = DriftWatch.objects.filter(pk=watch.pk, evaluated_to=watch.evaluated_to).update(evaluated_to=moment)
    if won:
        reports.drop_passing(watch)
        watch.evaluated_to = moment
    return bool(won)

"""Which calls are the reference of a watch: given by people, the version's own first hours, or its predecessor.

Pinned, never trailing: a trailing reference follows a slow change and falls silent.
"""

import datetime as dt
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from monitor.drift import features, windows
from monitor.drift.detectors import DETECTORS
from monitor.drift.detectors.base import reads
from monitor.drift.features import Feature
from monitor.drift.models import DriftWatch
from monitor.drift.subjects import Span, Subject
from monitor.drift.windows import Reference, VersionRow

LEAST_CALLS = windows.ENOUGH_CALLS
# references of past weeks by watch and hours, the latest
_past: OrderedDict[tuple[Any, ...], Reference] = OrderedDict()
MOST_KEPT = 200


# what a reference is counted in; else in calls
UNITS = {"vectors": "vectors of prompts", "beside": "values of it", "marks": "values of it"}


class NoReferenceError(LookupError):
    """There is no reference yet; says why. ``learning``: time alone will mend it."""

    def __init__(self, message: str, *, learning: bool = False) -> None:
        super().__init__(message)
        self.learning = learning


def reference_of(watch: DriftWatch, rows: Sequence[VersionRow]) -> Reference:
    """The pinned reference, or a borrowed one that is not pinned. ``rows``: the traffic of the last days.

    Raises NoReferenceError.
    """
    feature = features.of(watch.feature)
    if watch.reference:
        return Reference.from_json(watch.reference, feature)
    subject = Subject(watch.project_id, watch.model, watch.reference_version or watch.version)
    if watch.reference_from and watch.reference_to:
        span = Span(watch.reference_from, watch.reference_to)
        found = windows.reference(subject, feature, span, samples=_samples(watch))
        return _pin(watch, _complete(found, feature, "the hours that were set as reference", subject))
    own = _row(rows, watch.model, watch.version)
    before = _predecessor(rows, own)
    # inputs come from the users, whatever the version; what came before it stays their measure
    if before is not None and (feature.input or not _old_enough(watch, own)):
        return _borrowed(watch, feature, before, own)
    return _own_first_hours(watch, feature, own)


def past_weeks(watch: DriftWatch, moment: dt.datetime, zone: dt.tzinfo) -> Reference:
    """The whole hours around the window that ends at ``moment``, in each of the watch's past weeks.

    Kept for as long as the windows of an hour ask for it. By the clock of ``zone``, put forward or back.
    """
    start = windows.aligned(moment - dt.timedelta(seconds=watch.window_seconds), windows.BLOCK)
    end = windows.aligned(moment - dt.timedelta(microseconds=1), windows.BLOCK) + windows.BLOCK
    key = (
        watch.pk,
        watch.feature,
        watch.detector,
        watch.reference_version,
        watch.past_weeks,
        start,
        end,
        str(zone),
    )
    if key not in _past:
        weeks = [dt.timedelta(days=7 * week) for week in range(watch.past_weeks, 0, -1)]
        spans = [
            Span(*((one.astimezone(zone) - week).astimezone(dt.UTC) for one in (start, end)))
            for week in weeks
        ]
        subject = Subject(watch.project_id, watch.model, watch.reference_version or watch.version)
        _past[key] = windows.reference(subject, features.of(watch.feature), *spans, samples=_samples(watch))
        while len(_past) > MOST_KEPT:
            _past.popitem(last=False)
    return _past[key]


def repin(watch: DriftWatch, start: dt.datetime, end: dt.datetime) -> None:
    """Make another stretch the normal one; evidence from before is void."""
    DriftWatch.objects.filter(pk=watch.pk).update(
        reference_from=start, reference_to=end, reference_version="", reference={}, progress={}
    )


def _row(rows: Sequence[VersionRow], model: str, version: str) -> VersionRow:
    for row in rows:
        if (row.model, row.version) == (model, version):
            return row
    message = "no calls in the last days"
    raise NoReferenceError(message)


def _predecessor(rows: Sequence[VersionRow], own: VersionRow) -> VersionRow | None:
    """The version of the same model that was there before, the latest comer of them."""
    older = [row for row in rows if row.model == own.model and row.first < own.first and row.n >= LEAST_CALLS]
    return max(older, key=lambda row: row.first, default=None)


def _old_enough(watch: DriftWatch, own: VersionRow) -> bool:
    """Its first hours are over, and calls after them show that they have all been told."""
    return own.last >= own.first + dt.timedelta(hours=watch.reference_hours)


def _own_first_hours(watch: DriftWatch, feature: Feature, own: VersionRow) -> Reference:
    until = own.first + dt.timedelta(hours=watch.reference_hours)
    if not _old_enough(watch, own):
        message = (
            f"learning: the first {watch.reference_hours} hours of this version, until {until:%Y-%m-%d %H:%M} "
            "UTC, become its reference"
        )
        raise NoReferenceError(message, learning=True)
    subject = Subject(watch.project_id, own.model, own.version)
    found = windows.reference(subject, feature, Span(own.first, until), samples=_samples(watch))
    return _pin(watch, _complete(found, feature, "its first hours", subject))


def _borrowed(watch: DriftWatch, feature: Feature, before: VersionRow, own: VersionRow) -> Reference:
    """What the predecessor is measured by itself, for inputs; else its last hours before this version came."""
    pinned = DriftWatch.objects.filter(
        project_id=watch.project_id, model=before.model, version=before.version, feature=watch.feature,
        detector__in=[
            name for name in DETECTORS
            if reads(DETECTORS[name], feature.kind) == reads(DETECTORS[watch.detector], feature.kind)
        ],
    ).exclude(reference={})  # fmt: skip
    if feature.input and (first := pinned.first()) is not None:
        return _pin(watch, Reference.from_json(first.reference, feature))
    start = max(before.first, own.first - dt.timedelta(hours=watch.reference_hours))
    subject = Subject(watch.project_id, before.model, before.version)
    found = windows.reference(subject, feature, Span(start, own.first), samples=_samples(watch))
    what = f"the last hours of {before.version or 'the version before'}"
    return _complete(found, feature, what, subject)


def _samples(watch: DriftWatch) -> bool:
    """Whether the detector wants to see vectors, not their mean."""
    return "samples" in DETECTORS[watch.detector].kinds


def _complete(found: Reference, feature: Feature, what: str, subject: Subject) -> Reference:
    if feature.kind == "vectors" and any(
        windows.vectors_pending(subject, feature, hour) for hour in windows.blocks_of(found.span)
    ):
        message = "learning: vectors of its prompts are still being made"
        raise NoReferenceError(message, learning=True)
    if found.n < LEAST_CALLS:
        unit = UNITS.get(feature.origin, "calls")
        message = f"{what} have {found.n} {unit}; at least {LEAST_CALLS} are needed"
        raise NoReferenceError(message)
    return found


def _pin(watch: DriftWatch, found: Reference) -> Reference:
    watch.reference = found.to_json()
    watch.reference_from, watch.reference_to = found.span.start, found.span.end
    watch.reference_version = "" if found.version == watch.version else found.version
    DriftWatch.objects.filter(pk=watch.pk).update(
        reference=watch.reference,
        reference_from=watch.reference_from,
        reference_to=watch.reference_to,
        reference_version=watch.reference_version,
    )
    return found

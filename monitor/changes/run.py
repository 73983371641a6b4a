"""Searches that alerts ask for: wanted in the transaction in which the alert fires, done a moment later, kept."""

import datetime as dt
import logging
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.db import transaction

from monitor.changes import measures, read
from monitor.changes.look import Asked, look
from monitor.changes.models import ChangeSearch
from monitor.core import clock
from monitor.core.alerts import Notice
from monitor.core.labels import fingerprint

log = logging.getLogger("vigil.changes")
# of one rule so many alerts at once are looked into; the others are its like
MOST_OF_A_RULE = 20
LONGEST_RUN_SECONDS = 30.0
# a rule tells what fires once a minute; only what has just begun is new
FRESH = dt.timedelta(seconds=90)
# so long messages wait in all for searches that nobody has done yet
PATIENCE_SECONDS = 8.0
RecordedOf = Callable[[int], Mapping[str, str]]


def want(project_id: int, notices: Sequence[Notice], recorded_of: RecordedOf, *, now: dt.datetime) -> None:
    """Ask for a search for each alert that has just fired over calls; one that was asked for stays as it is.

    Nothing that goes wrong here may keep the alert itself from being told.
    """
    firing = [
        one
        for one in notices
        if (one.ends_at is None or one.timeout) and one.expr and now - one.starts_at < FRESH
    ]
    if not firing:
        return
    try:
        with transaction.atomic():
            rows = _wanted(project_id, firing, recorded_of(project_id), now)
            ChangeSearch.objects.bulk_create(rows, ignore_conflicts=True)
    except Exception:
        log.exception(
            "what changed behind %d alerts of project %s can't be looked for", len(firing), project_id
        )


def waiting() -> bool:
    """Whether there is anything to look for."""
    return ChangeSearch.objects.filter(state=ChangeSearch.State.WAITING).exists()


def run_due(recorded_of: RecordedOf) -> int:
    """Do the searches that wait, oldest first; how many were done."""
    began, done = clock.monotonic(), 0
    while clock.monotonic() - began < LONGEST_RUN_SECONDS and _next(recorded_of):
        done += 1
    return done


def teller(recorded_of: RecordedOf) -> Callable[[int, Mapping[str, Any]], dict[str, str]]:
    """For one run of deliveries: what to say of each alert. A search that still waits is done at once, while
    there is time: the message is the place where it is needed.
    """
    began = clock.monotonic()

    def tell(project_id: int, alert: Mapping[str, Any]) -> dict[str, str]:
        if clock.monotonic() - began < PATIENCE_SECONDS:
            with transaction.atomic():
                rows = ChangeSearch.objects.select_for_update(of=("self",)).filter(
                    project_id=project_id, fingerprint=int(alert["fingerprint"], 16),
                    starts_at=alert["starts_at"], state=ChangeSearch.State.WAITING,
                )  # fmt: skip
                if row := rows.first():
                    _do(row, recorded_of)
        return read.for_message(project_id, alert)

    return tell


def forget(*, now: dt.datetime, days: int) -> None:
    """Drop what was found so long ago."""
    ChangeSearch.objects.filter(starts_at__lt=now - dt.timedelta(days=days)).delete()


def _wanted(
    project_id: int, firing: Sequence[Notice], recorded: Mapping[str, str], now: dt.datetime
) -> list[ChangeSearch]:
    alike: dict[str, list[Notice]] = defaultdict(list)
    for one in firing:
        alike[one.expr].append(one)
    return [
        _row(project_id, one, now)
        for expr, notices in alike.items()
        if measures.measure_of(expr, notices[0].labels, recorded.get) is not None
        for one in notices[:MOST_OF_A_RULE]
    ]


def _row(project_id: int, one: Notice, now: dt.datetime) -> ChangeSearch:
    return ChangeSearch(
        project_id=project_id, fingerprint=fingerprint(project_id, one.labels), labels=dict(one.labels),
        expr=one.expr, starts_at=one.starts_at, active_at=one.active_at or one.starts_at, asked_at=now,
    )  # fmt: skip


def _next(recorded_of: RecordedOf) -> bool:
    """Take one that waits, if there is one; its row stays ours while we look."""
    with transaction.atomic():
        free = ChangeSearch.objects.select_for_update(skip_locked=True, of=("self",))
        mine = free.filter(state=ChangeSearch.State.WAITING, project__deleted_at=None)
        row = mine.order_by("asked_at", "id").first()
        if row is not None:
            _do(row, recorded_of)
    return row is not None


def _do(row: ChangeSearch, recorded_of: RecordedOf) -> None:
    began = clock.monotonic()
    try:
        with transaction.atomic():
            row.body = _found(row, recorded_of(row.project_id))
        row.state = ChangeSearch.State.DONE
    except Exception as error:  # whatever it is, the message goes out without
        log.exception("what changed behind alert %s of project %s could not be told", row, row.project_id)
        row.state, row.error = ChangeSearch.State.FAILED, f"{type(error).__name__}: {error}"
    row.took = clock.monotonic() - began
    row.save(update_fields=["body", "state", "error", "took"])


def _found(row: ChangeSearch, recorded: Mapping[str, str]) -> dict[str, object]:
    measure = measures.measure_of(row.expr, row.labels, recorded.get)
    if measure is None:
        message = f"no series of {row.expr!r} comes from calls any more; a recorded one may have been changed"
        raise ValueError(message)
    return look(Asked(row.project_id, measure, row.active_at, row.starts_at)).to_json()

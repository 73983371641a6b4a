"""Silences are made, changed and ended here, by whichever door."""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction

from monitor.alerting import matching
from monitor.alerting.models import Silence
from monitor.core.labels import Matcher

LONGEST_AUTHOR = 120
# what lies outside can't be shown in every time zone
FIRST, LAST = dt.datetime(1970, 1, 1, tzinfo=dt.UTC), dt.datetime(9990, 1, 1, tzinfo=dt.UTC)


class BadSilenceError(ValueError):
    """A silence that makes no sense; whoever wrote it can mend it."""


class NoSilenceError(LookupError):
    """No silence has this id, in this project."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A silence as somebody asks for it; ``id`` names the one to change."""

    matchers: tuple[Matcher, ...]
    starts_at: dt.datetime
    ends_at: dt.datetime
    author: str
    comment: str
    id: str = ""


def save(project_id: int, wanted: Wanted, *, now: dt.datetime) -> str:
    """Store it and return its id. One that is in force and speaks of other alerts is ended and made anew."""
    starts_at = max(wanted.starts_at, now)
    _judge(wanted, starts_at, now)
    with transaction.atomic():
        old = find(project_id, wanted.id, lock=True) if wanted.id else None
        if old is not None and _may_change(old, wanted, now):
            row = old
        else:
            if old is not None:
                _end(old, now)
            row = Silence(project_id=project_id)
        begun = row is old and old is not None and old.starts_at <= now
        row.starts_at = row.starts_at if begun else starts_at
        row.ends_at, row.author, row.comment = wanted.ends_at, wanted.author, wanted.comment
        row.matchers, row.updated_at = matching.text(wanted.matchers), now
        row.save()
    return str(row.pk)


def expire(project_id: int, identity: str, *, now: dt.datetime) -> None:
    """End it now; one that is over stays as it is."""
    with transaction.atomic():
        _end(find(project_id, identity, lock=True), now)


def find(project_id: int, identity: str, *, lock: bool = False) -> Silence:
    """Raises NoSilenceError."""
    try:
        number = uuid.UUID(identity)
    except ValueError:
        number = uuid.UUID(int=0)
    rows = Silence.objects.select_for_update() if lock else Silence.objects.all()
    row = rows.filter(project_id=project_id, pk=number).first()
    if row is None:
        message = f"no silence {identity}"
        raise NoSilenceError(message)
    return row


def state_of(row: Silence, now: dt.datetime) -> str:
    if row.ends_at <= now:
        return "expired"
    return "pending" if row.starts_at > now else "active"


def _end(row: Silence, now: dt.datetime) -> None:
    if row.ends_at <= now:
        return
    row.starts_at, row.ends_at, row.updated_at = min(row.starts_at, now), now, now
    row.save()


def _may_change(old: Silence, wanted: Wanted, now: dt.datetime) -> bool:
    """What was kept quiet must stay readable: a silence in force can only end at another time."""
    state = state_of(old, now)
    same = old.matchers == matching.text(wanted.matchers)
    return state == "pending" or (state == "active" and same)


def _judge(wanted: Wanted, starts_at: dt.datetime, now: dt.datetime) -> None:
    if not hides_something(wanted.matchers):
        message = "at least one matcher must not match the empty string: it would hide everything"
        raise BadSilenceError(message)
    if len(wanted.author) > LONGEST_AUTHOR:
        message = f"the author is longer than {LONGEST_AUTHOR} characters"
        raise BadSilenceError(message)
    if "\0" in wanted.author + wanted.comment + matching.text(wanted.matchers):
        message = "author, comment and matchers can't hold NUL"
        raise BadSilenceError(message)
    if not all(FIRST <= moment <= LAST for moment in (wanted.starts_at, wanted.ends_at)):
        message = f"the time lies not between {FIRST.year} and {LAST.year}"
        raise BadSilenceError(message)
    if wanted.ends_at <= now:
        message = "the end lies in the past"
        raise BadSilenceError(message)
    if wanted.ends_at <= starts_at:
        message = "the end lies before the beginning"
        raise BadSilenceError(message)


def hides_something(matchers: Sequence[Matcher]) -> bool:
    """Whether at least one matcher asks for a label."""
    return any(not matcher.matches("") for matcher in matchers)

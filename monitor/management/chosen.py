"""What the words of a command name."""

import datetime as dt

from django.core.management.base import CommandError
from django.utils.dateparse import parse_datetime

from monitor.core import clock
from monitor.store.models import Project


def project(slug: str) -> Project:
    """The live project of that slug; raises CommandError with the way to make one."""
    found = Project.objects.filter(slug=slug, deleted_at=None).first()
    if found is None:
        message = f"no project {slug!r}; make it with `manage.py project create SLUG`"
        raise CommandError(message)
    return found


def moment(name: str, text: str) -> dt.datetime:
    """The time of an option; raises CommandError with the forms there are."""
    try:
        return clock.from_ms(round(float(text) * 1000))
    except ValueError:
        pass
    try:
        found = parse_datetime(text)
    except ValueError:
        found = None
    if found is None:
        message = f"--{name}: {text!r} is no time; write 2026-11-18T12:00:00Z or Unix seconds"
        raise CommandError(message)
    return found if found.tzinfo else found.replace(tzinfo=dt.UTC)

"""What the words of a command name."""

from django.core.management.base import CommandError

from monitor.store.models import Project


def project(slug: str) -> Project:
    """The live project of that slug; raises CommandError with the way to make one."""
    found = Project.objects.filter(slug=slug, deleted_at=None).first()
    if found is None:
        message = f"no project {slug!r}; make it with `manage.py project create SLUG`"
        raise CommandError(message)
    return found

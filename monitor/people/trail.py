"""Who changed what, from what to what: configuration is followed by the audit library; here it learns of projects.

What workers write of themselves (due, last error) goes through ``update`` and is no change of anybody's.
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from allauth.core.internal.httpkit import get_client_ip
from auditlog.middleware import AuditlogMiddleware
from auditlog.models import LogEntry
from auditlog.registry import auditlog
from auditlog.signals import post_log
from django.db.models import Model
from django.db.models.signals import m2m_changed
from django.http import HttpRequest, HttpResponse

from monitor.core.fields import MASK
from monitor.store.models import Project

READING = frozenset({"GET", "HEAD", "OPTIONS"})
DEEPEST = 3
MOST = 10_000
# how a thing that has no project of its own hangs on one that has
PARENTS = ("group", "release", "judge", "dashboard", "contact")
ACTIONS = ("created", "changed", "deleted")


class Middleware(AuditlogMiddleware):  # type: ignore[misc] # the library has no types
    """Only what may change something is followed; addresses of proxies are believed as settings say."""

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method in READING:
            answer: HttpResponse = self.get_response(request)
        else:
            answer = super().__call__(request)
        return answer

    @staticmethod
    def _get_remote_addr(request: HttpRequest) -> str | None:
        found: str | None = get_client_ip(request)
        return found

    def get_extra_data(self, request: HttpRequest) -> dict[str, Any]:
        told: dict[str, Any] = super().get_extra_data(request)
        # known only after the door has looked at the key
        return told | {"additional_data": lambda: {"key": getattr(request, "sender", "")}}


@dataclass(frozen=True, slots=True)
class Entry:
    """One change. ``who`` is a person, ``key NAME``, or empty: Vigil itself, a command or a file."""

    at: dt.datetime
    who: str
    address: str
    action: str
    kind: str
    what: str
    changes: Mapping[str, tuple[str, str]]

    def flat(self) -> dict[str, Any]:
        """For export."""
        told = asdict(self)
        return told | {
            "at": self.at.isoformat(),
            "changes": {name: list(pair) for name, pair in self.changes.items()},
        }


def follow(models: Iterable[tuple[type[Model], tuple[str, ...]]]) -> None:
    """Follow these models from now on; of the named fields only that they changed is told."""
    for model, secret in models:
        about = model._meta  # noqa: SLF001 — public in all but its name
        told = [field.name for field in about.fields if field.editable]
        lists = {field.name: field.remote_field.through for field in about.many_to_many}
        auditlog.register(
            model,
            include_fields=told,
            mask_fields=list(secret),
            mask_callable=f"{__name__}.{hidden.__name__}",
            m2m_fields=set(lists),
        )
        for name, through in lists.items():
            # after the library's own, which tells nobody of what it wrote
            m2m_changed.connect(_place_list, sender=through, dispatch_uid=f"vigil-trail {about.label} {name}")
    post_log.connect(_place, dispatch_uid="vigil-trail")


def hidden(value: str) -> str:
    """Settings may hold secrets: that they changed is told, not to what. The library's own mask shows half.

    Of an address only what may be secret is hidden: who calls, and the query.
    """
    if value in {"", "None"}:
        return value
    try:
        parts = urlsplit(value)
    except ValueError:
        return MASK
    if parts.scheme not in {"http", "https"}:
        return MASK
    caller, sep, place = parts.netloc.rpartition("@")
    query = MASK if parts.query else ""
    return urlunsplit((parts.scheme, f"{MASK if caller else ''}{sep}{place}", parts.path, query, ""))


def done(project: Project, what: str, told: str) -> None:
    """Something was done that no row tells of, such as forgetting a person: kept without saying whom."""
    LogEntry.objects.log_create(
        project,
        action=LogEntry.Action.UPDATE,
        changes={what: ["", told]},
        additional_data={"project": project.pk},
    )


def entries(project_id: int, start: dt.datetime, end: dt.datetime, *, most: int = MOST) -> list[Entry]:
    """What was changed in a project in ``[start, end)``, the newest first."""
    rows = LogEntry.objects.filter(
        additional_data__project=project_id, timestamp__gte=start, timestamp__lt=end
    ).select_related("actor", "content_type")[:most]
    return [_entry(row) for row in rows]


def _entry(row: LogEntry) -> Entry:
    more = row.additional_data or {}
    who = row.actor.get_username() if row.actor else f"key {more['key']}" if more.get("key") else ""
    changes = {name: _pair(change) for name, change in (row.changes or {}).items()}
    return Entry(
        row.timestamp, who, row.remote_addr or "", ACTIONS[row.action], str(row.content_type.name),
        row.object_repr, changes,
    )  # fmt: skip


def _pair(change: Any) -> tuple[str, str]:
    """Before and after; of a list of other things what was taken out, and what was put in."""
    if not isinstance(change, dict):
        return _text(change[0]), _text(change[1])
    named = ", ".join(map(str, change["objects"]))
    return (named, "") if change["operation"] == "delete" else ("", named)


def _text(value: Any) -> str:
    return "" if value in {None, "None"} else str(value)


def _place(*, instance: Model, log_entry: LogEntry | None, **_: Any) -> None:
    """Note of which project the changed thing is."""
    if log_entry is None:
        return
    log_entry.additional_data = (log_entry.additional_data or {}) | {"project": project_of(instance)}
    LogEntry.objects.filter(pk=log_entry.pk).update(additional_data=log_entry.additional_data)


def _place_list(*, instance: Model, action: str, **_: Any) -> None:
    if action.startswith("post_"):
        rows = LogEntry.objects.get_for_object(instance).filter(action=LogEntry.Action.UPDATE)
        for row in rows.exclude(additional_data__has_key="project"):
            _place(instance=instance, log_entry=row)


def project_of(thing: Any) -> int | None:
    """The project that a thing belongs to, itself or through what it hangs on; None: it is everybody's."""
    for _ in range(DEEPEST):
        if isinstance(thing, Project):
            return thing.pk
        found = getattr(thing, "project_id", None)
        if found is not None:
            return int(found)
        thing = next(
            (getattr(thing, name, None) for name in PARENTS if getattr(thing, f"{name}_id", None)), None
        )
        if thing is None:
            return None
    return None

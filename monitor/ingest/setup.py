"""What a project's admins see and do about senders: keys, targets, and whether anything has arrived yet."""

import datetime as dt
from dataclasses import dataclass

from django.conf import settings
from django.core.exceptions import ValidationError

from monitor.ingest import keys
from monitor.ingest.models import SCOPES, ApiKey, ScrapeTarget
from monitor.store.models import Project

__all__ = [
    "SCOPES", "Key", "SetupError", "add_target", "create_key", "list_keys",
    "remove_target", "revoke_key", "watch_itself",
]  # fmt: skip


class SetupError(ValueError):
    """What was asked for can't be done; says which field and how to mend it."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key as it may be shown: never its text."""

    id: int
    name: str
    prefix: str
    scopes: tuple[str, ...]
    created_at: dt.datetime
    expires_at: dt.datetime | None
    revoked_at: dt.datetime | None
    last_used_at: dt.datetime | None
    per_minute: int | None


def list_keys(project_id: int) -> list[Key]:
    """The project's keys, live ones first, newest first."""
    rows = ApiKey.objects.filter(project_id=project_id)
    found = [
        Key(
            row.id,
            row.name,
            row.prefix,
            tuple(row.scopes),
            row.created_at,
            row.expires_at,
            row.revoked_at,
            row.last_used_at,
            row.per_minute,
        )
        for row in rows
    ]
    return sorted(found, key=lambda key: key.revoked_at is not None)


def create_key(project_id: int, name: str, scopes: list[str], *, now: dt.datetime) -> str:
    """A new key; its text is returned once and never again."""
    if not name.strip():
        message = "name: missing; say who will use the key"
        raise SetupError(message)
    try:
        return keys.create(Project.objects.get(pk=project_id), name.strip()[:80], scopes, now=now)
    except keys.BadScopeError as error:
        message = f"scopes: {error}"
        raise SetupError(message) from error


def revoke_key(project_id: int, key_id: int, *, now: dt.datetime) -> bool:
    """Whether a live key was revoked."""
    live = ApiKey.objects.filter(project_id=project_id, pk=key_id, revoked_at=None).first()
    if live is not None:
        live.revoked_at = now
        live.save(update_fields=["revoked_at"])
    return live is not None


def add_target(project_id: int, job: str, url: str, interval_seconds: int) -> None:
    """Scrape ``url`` from now on."""
    if not url.startswith(("http://", "https://")):
        message = f"url: {url!r} is not an http:// or https:// address"
        raise SetupError(message)
    if not 1 <= interval_seconds <= 3600:
        message = f"interval: {interval_seconds} is not between 1 and 3600 seconds"
        raise SetupError(message)
    target = ScrapeTarget(project_id=project_id, job=job, url=url, interval_seconds=interval_seconds)
    try:
        target.full_clean()
    except ValidationError as error:
        message = "; ".join(f"{name}: {' '.join(texts)}" for name, texts in error.message_dict.items())
        raise SetupError(message) from error
    target.save()


def watch_itself(project_id: int) -> None:
    """Scrape Vigil's own numbers: the rules about Vigil itself read them."""
    host, port = settings.VIGIL_BIND
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 — where we listen, not a new listener
    shown = f"[{host}]" if ":" in host else host
    add_target(project_id, "vigil", f"http://{shown}:{port}/metrics", 15)


def remove_target(project_id: int, target_id: int) -> bool:
    """Whether there was such a target; its series stay. One that a job finds goes with its job."""
    return ScrapeTarget.objects.filter(project_id=project_id, pk=target_id, source=None).delete()[0] > 0

"""API keys: made once, shown once, known by their hash."""

import datetime as dt
import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from monitor.ingest.models import SCOPES, ApiKey
from monitor.store.models import Project

PREFIX = "vgl_"


class BadScopeError(ValueError):
    """A scope that does not exist; names those that do."""


@dataclass(frozen=True, slots=True)
class KnownKey:
    """What a valid key allows."""

    project_id: int
    key_id: int
    name: str
    scopes: frozenset[str]


def create(project: Project, name: str, scopes: Iterable[str], *, now: dt.datetime) -> str:
    """Store a new key and return its text, the only time it can be seen."""
    wanted = list(dict.fromkeys(scopes))
    unknown = [scope for scope in wanted if scope not in SCOPES]
    if unknown or not wanted:
        message = f"scope {unknown[0] if unknown else ''!r} does not exist; use {', '.join(SCOPES)}"
        raise BadScopeError(message)
    text = PREFIX + secrets.token_urlsafe(30)
    ApiKey.objects.create(
        project=project, name=name, prefix=text[:10], digest=digest(text), scopes=wanted, created_at=now
    )
    return text


def find(text: str, *, now: dt.datetime) -> KnownKey | None:
    """What ``text`` allows at ``now``; None for an unknown, expired or revoked key or a deleted project."""
    row = (
        ApiKey.objects.filter(digest=digest(text), revoked_at=None, project__deleted_at=None)
        .values_list("project_id", "id", "name", "scopes", "expires_at")
        .first()
    )
    if row is None or (row[4] is not None and row[4] <= now):
        return None
    return KnownKey(row[0], row[1], row[2], frozenset(row[3]))


def digest(text: str) -> str:
    """SHA-256 is enough: the keys are 240 random bits, not passwords."""
    return hashlib.sha256(text.encode()).hexdigest()

"""API keys: made once, shown once, known by their hash."""

import datetime as dt
import hashlib
import logging
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from django.core.cache import cache
from django.db import DatabaseError, transaction
from django.db.models import signals
from redis.exceptions import RedisError

from monitor.ingest.models import SCOPES, ApiKey
from monitor.store.models import Project

log = logging.getLogger("vigil.ingest")
PREFIX = "vgl_"
# how long a process believes what it read about a key: a revoked key lives on at most so long elsewhere
HOLD = dt.timedelta(seconds=3)
MOST_HELD = 10_000
# a use is written down once in so long
NOTED = dt.timedelta(minutes=1)
# a key that nobody revoked and that is gone all the same: so long it is the database that is doubted, not the key
DOUBTED = dt.timedelta(minutes=1)
SHOWN = 10

_held: dict[str, tuple[dt.datetime, "KnownKey", dt.datetime | None]] = {}


class BadScopeError(ValueError):
    """A scope that does not exist; names those that do."""


class GoneError(Exception):
    """A key that was good a moment ago is not in the database any more; the sender should come again.

    A database that was taken from a copy or moved to another server knows less for a while, and senders throw away
    for good what is answered with 401.
    """


@dataclass(frozen=True, slots=True)
class KnownKey:
    """What a valid key allows."""

    project_id: int
    key_id: int
    name: str
    scopes: frozenset[str]
    per_minute: int | None = None


def create(project: Project, name: str, scopes: Iterable[str], *, now: dt.datetime) -> str:
    """Store a new key and return its text, the only time it can be seen."""
    wanted = list(dict.fromkeys(scopes))
    unknown = [scope for scope in wanted if scope not in SCOPES]
    if unknown or not wanted:
        message = f"scope {unknown[0] if unknown else ''!r} does not exist; use {', '.join(SCOPES)}"
        raise BadScopeError(message)
    text = PREFIX + secrets.token_urlsafe(30)
    ApiKey.objects.create(
        project=project, name=name, prefix=text[:SHOWN], digest=digest(text), scopes=wanted, created_at=now
    )
    return text


def find(text: str, *, now: dt.datetime) -> KnownKey | None:
    """What ``text`` allows at ``now``; None for an unknown, expired or revoked key or a deleted project.

    A key that was good is not asked for again for three seconds; forgetting is at once where it is changed. Raises
    GoneError.
    """
    name = digest(text)
    held = _held.get(name)
    if held is None or not held[0] <= now < held[0] + HOLD:
        held = _read(name, now, held)
    if held is None or (held[2] is not None and held[2] <= now):
        return None
    return held[1]


def forget(**_: object) -> None:
    """What this process knows about keys may no longer be true; also the receiver of their signals."""
    _held.clear()


signals.post_save.connect(forget, sender=ApiKey)
signals.post_delete.connect(forget, sender=ApiKey)


def why_not(text: str | None, *, now: dt.datetime) -> str:
    """Why ``text`` opens nothing, in words for whoever sent it; a key is named by its beginning."""
    if text is None:
        return "no key can be read out of the header"
    row = (
        ApiKey.objects.filter(digest=digest(text))
        .values_list("prefix", "revoked_at", "expires_at", "project__deleted_at")
        .first()
    )
    if row is None:
        return "there is no such key"
    prefix, *moments = row
    words = ("was revoked", "expired", "belongs to a project that was deleted")
    for moment, word in zip(moments, words, strict=True):
        if moment is not None and (word != "expired" or moment <= now):
            return f"the key {prefix}… {word} on {moment:%Y-%m-%d %H:%M}Z"
    return f"the key {prefix}… was not in force a moment ago; send the same again"


Held = tuple[dt.datetime, KnownKey, dt.datetime | None]


def _read(name: str, now: dt.datetime, before: Held | None) -> Held | None:
    row = (
        ApiKey.objects.filter(digest=name)
        .values_list(
            "project_id", "id", "name", "scopes", "expires_at", "per_minute", "last_used_at", "revoked_at",
            "project__deleted_at",
        )
        .first()
    )  # fmt: skip
    if row is None and before is not None and before[0] <= now < before[0] + DOUBTED:
        message = f"the key of {before[1].name!r} was there a moment ago and nobody revoked it"
        raise GoneError(message)
    _held.pop(name, None)
    if row is None or row[7] is not None or row[8] is not None:
        return None
    if len(_held) >= MOST_HELD:
        _held.clear()
    found = _held[name] = (now, KnownKey(row[0], row[1], row[2], frozenset(row[3]), row[5]), row[4])
    if row[6] is None or not row[6] <= now < row[6] + NOTED:
        _note_use(row[1], now)
    return found


def _note_use(key_id: int, now: dt.datetime) -> None:
    """A database that takes no writes can still be read: a key is good without its use being written down."""
    try:
        with transaction.atomic():
            ApiKey.objects.filter(pk=key_id).update(last_used_at=now)
    except DatabaseError as error:
        log.warning("the use of key %d is not written down: %s", key_id, error)


def wait(known: KnownKey, *, now: dt.datetime) -> int | None:
    """Seconds until a key with a limit may come again; None: now. Counted by the minute over all processes.

    While the cache does not answer nobody is refused.
    """
    if known.per_minute is None:
        return None
    minute, gone = divmod(int(now.timestamp()), 60)
    name = f"key:{known.key_id}:{minute}"
    try:
        cache.add(name, 0, 120)
        return 60 - gone if cache.incr(name) > known.per_minute else None
    except (RedisError, ValueError):
        return None


def digest(text: str) -> str:
    """SHA-256 is enough: the keys are 240 random bits, not passwords."""
    return hashlib.sha256(text.encode()).hexdigest()

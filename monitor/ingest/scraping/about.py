"""What scraped pages say about their metrics: ``# TYPE``, ``# HELP`` and ``# UNIT`` lines.

They change with a release, not with a scrape, so they lie in the shared cache and are sent there anew only
when they differ or have become old.
"""

import datetime as dt
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from django.core.cache import cache

from monitor.ingest.envelope import About

KEPT_SECONDS = 86_400
AGAIN = dt.timedelta(hours=6)
MOST_FAMILIES = 5_000
MOST_HELP = 1_000
_LINE = re.compile(
    r'# +(?P<what>TYPE|HELP|UNIT) +(?:"(?P<quoted>(?:[^"\\]|\\.)+)"|(?P<plain>\S+))(?: +(?P<text>.*))?'
)
# OpenMetrics' words for what Prometheus' API calls otherwise
_TYPES = {"untyped": "unknown"}
_told: dict[int, tuple[str, dt.datetime]] = {}


def read(body: bytes, *, openmetrics: bool) -> dict[str, About]:
    """Every family that the page describes, by the name Prometheus gives it."""
    facts: dict[str, dict[str, str]] = {}
    for line in body.decode(errors="replace").splitlines():
        match = _LINE.fullmatch(line.strip()) if line.startswith("#") else None
        if match is None or len(facts) >= MOST_FAMILIES:
            continue
        name = match["plain"] or _plain(match["quoted"])
        facts.setdefault(name, {})[match["what"].lower()] = _plain(match["text"] or "")[:MOST_HELP]
    return {
        _named(name, known, openmetrics=openmetrics): About(
            type=_TYPES.get(known.get("type", "unknown"), known.get("type", "unknown")),
            help=known.get("help", ""),
            unit=known.get("unit", ""),
        )
        for name, known in facts.items()
    }


def remember(target_id: int, body: bytes, *, openmetrics: bool, now: dt.datetime) -> None:
    """Keep what the page says until it says something else."""
    comments = b"\n".join(line for line in body.split(b"\n") if line.startswith(b"#"))
    digest = hashlib.blake2b(comments, digest_size=16).hexdigest()
    told = _told.get(target_id)
    if told is not None and told[0] == digest and told[1] <= now < told[1] + AGAIN:
        return
    found = read(comments, openmetrics=openmetrics)
    cache.set(_key(target_id), {name: asdict(about) for name, about in found.items()}, KEPT_SECONDS)
    _told[target_id] = (digest, now)


def of_targets(target_ids: Iterable[int]) -> Mapping[int, dict[str, About]]:
    """What is known of each target; targets of which nothing is known are left out."""
    keys = {_key(target_id): target_id for target_id in target_ids}
    found: Mapping[str, Any] = cache.get_many(list(keys))
    return {
        keys[key]: {name: About(**facts) for name, facts in families.items()}
        for key, families in found.items()
    }


def _key(target_id: int) -> str:
    return f"scrape:{target_id}:about"


def _named(name: str, known: Mapping[str, str], *, openmetrics: bool) -> str:
    """OpenMetrics names a counter without the suffix that its samples have."""
    return f"{name}_total" if openmetrics and known.get("type") == "counter" else name


def _plain(text: str) -> str:
    return text.replace("\\\\", "\0").replace("\\n", "\n").replace('\\"', '"').replace("\0", "\\")

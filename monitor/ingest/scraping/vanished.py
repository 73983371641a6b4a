"""Which series a target showed last time and shows no more: they get a staleness marker.

Any worker process may make the next scrape, so the last set lies in the shared cache; a process that made
the last scrape itself only compares a token.
"""

import hashlib
import json
import zlib
from typing import Any

from django.core.cache import cache

from monitor.core.labels import Labels

KEPT_SECONDS = 86_400
_mine: dict[int, tuple[str | None, frozenset[Labels]]] = {}
MOST_TARGETS = 200


def changed(target_id: int, current: frozenset[Labels]) -> tuple[frozenset[Labels], frozenset[Labels]]:
    """What was there before and is no more, and what is new; remembers ``current`` for the next time."""
    token_key, series_key = f"scrape:{target_id}:token", f"scrape:{target_id}:series"
    token = cache.get(token_key)
    mine = _mine.get(target_id)
    previous = mine[1] if mine is not None and mine[0] == token else _unpacked(cache.get(series_key))
    if previous != current:
        packed = _packed(current)
        token = hashlib.blake2b(packed, digest_size=16).hexdigest()
        cache.set_many({token_key: token, series_key: packed}, KEPT_SECONDS)
    if len(_mine) >= MOST_TARGETS and target_id not in _mine:
        _mine.clear()
    _mine[target_id] = (token, current)
    return previous - current, current - previous


def _packed(series: frozenset[Labels]) -> bytes:
    return zlib.compress(json.dumps([dict(labels) for labels in series]).encode(), 1)


def _unpacked(packed: Any) -> frozenset[Labels]:
    if not isinstance(packed, bytes):
        return frozenset()
    return frozenset(Labels(labels) for labels in json.loads(zlib.decompress(packed)))

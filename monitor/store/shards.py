"""Shard keys: which of 64 fixed values a row gets.

The values are chosen so that each of 64 Citus shards (PostgreSQL's own integer hash) holds exactly one. A
project spreads over ``buckets`` of them; with one bucket all its rows share a node and a transaction.
"""

import hashlib
from functools import cache

KEYS: tuple[int, ...] = (
    *range(14), 16, 17, 18, 19, 21, 22, 24, 27, 28, 31, 36, 37, 39, 41, 43, 44, 45, 46, 48, 50, 52, 58, 59, 60,
    62, 66, 70, 79, 80, 82, 83, 85, 88, 89, 92, 95, 96, 99, 101, 109, 112, 113, 136, 149, 166, 168, 170, 172,
    179, 351,
)  # fmt: skip


def shard_of(project_id: int, buckets: int, item: bytes | int) -> int:
    """The shard key of one item (a client id, a series fingerprint) of a project."""
    number = item if isinstance(item, int) else _number(item)
    return KEYS[(_first(project_id) + number % buckets) % len(KEYS)]


def shards_of(project_id: int, buckets: int) -> list[int]:
    """Every shard key that rows of a project with this many buckets can have."""
    first = _first(project_id)
    return [KEYS[(first + bucket) % len(KEYS)] for bucket in range(buckets)]


@cache
def _first(project_id: int) -> int:
    """Where in the table a project's keys begin."""
    return _number(project_id.to_bytes(8, "big"))


def _number(text: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(text, digest_size=6).digest(), "big")

"""Time-first ids. The same call of a model gets the same id whichever batch a retry comes in.

Layout: 48 bits of Unix milliseconds, UUID version 8 and variant bits, 74 bits of hash or randomness.
"""

import hashlib
import secrets
import uuid

_VERSION = 8 << 76
_VARIANT = 2 << 62
_LOW = (1 << 62) - 1
_MIDDLE = (1 << 12) - 1


def timed(milliseconds: int, rest: int) -> uuid.UUID:
    """An id that sorts by time; ``rest`` gives its other 74 bits."""
    middle = (rest >> 62) & _MIDDLE
    return uuid.UUID(int=milliseconds << 80 | _VERSION | middle << 64 | _VARIANT | rest & _LOW)


def fresh(milliseconds: int) -> uuid.UUID:
    """An id nobody can repeat."""
    return timed(milliseconds, secrets.randbits(74))


def written(milliseconds: int, writer: int) -> uuid.UUID:
    """An id nobody can repeat that ends with the 32 bits of who wrote the row."""
    return timed(milliseconds, secrets.randbits(42) << 32 | writer)


def of_key(milliseconds: int, key: uuid.UUID) -> uuid.UUID:
    """The id of the generation known to its sender by ``key``."""
    return timed(milliseconds, key.int >> 54)


def client_key(project_id: int, client_id: str) -> uuid.UUID:
    """What a caller's id becomes: 128 bits, unique per project."""
    digest = hashlib.blake2b(digest_size=16, key=project_id.to_bytes(8, "big"))
    digest.update(client_id.encode())
    return uuid.UUID(bytes=digest.digest())


def first_at(milliseconds: int) -> uuid.UUID:
    """The least id of that millisecond: a bound for ``id >= …`` and of partitions."""
    return uuid.UUID(int=max(0, milliseconds) << 80)


def milliseconds_of(identity: uuid.UUID) -> int:
    return identity.int >> 80

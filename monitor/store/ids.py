"""Time-first ids. The same call of a model gets the same id whichever batch a retry comes in.

Layout: 48 bits of Unix milliseconds, UUID version 8 and variant bits, 74 bits of hash or randomness.
"""

import hashlib
import secrets
import uuid
from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np

BYTES = 16
_VERSION = 8 << 76
_VARIANT = 2 << 62
_LOW = (1 << 62) - 1
_MIDDLE = (1 << 12) - 1
TRACE_LENGTH, SPAN_ID_LENGTH = 32, 49
# of the 74 bits of a key that an id keeps, 40 tell the trace and 34 the span
HEAD_BYTES = 5


def of_number(number: int) -> uuid.UUID:
    """The UUID of 128 bits, past its constructor, which looks at every way to spell one and takes thrice as long."""
    made = _new(uuid.UUID)
    _set(made, "int", number)
    _set(made, "is_safe", _UNKNOWN)
    return made


_new, _set = object.__new__, object.__setattr__
_UNKNOWN = uuid.SafeUUID.unknown


def timed(milliseconds: int, rest: int) -> uuid.UUID:
    """An id that sorts by time; ``rest`` gives its other 74 bits."""
    middle = (rest >> 62) & _MIDDLE
    return of_number(milliseconds << 80 | _VERSION | middle << 64 | _VARIANT | rest & _LOW)


def fresh(milliseconds: int) -> uuid.UUID:
    """An id nobody can repeat."""
    return timed(milliseconds, secrets.randbits(74))


def written(milliseconds: int, writer: int) -> uuid.UUID:
    """An id nobody can repeat that ends with the 32 bits of who wrote the row."""
    return timed(milliseconds, secrets.randbits(42) << 32 | writer)


def of_key(milliseconds: int, key: uuid.UUID) -> uuid.UUID:
    """The id of the generation known to its sender by ``key``."""
    return timed(milliseconds, key.int >> 54)


def of_keys(milliseconds: Sequence[int], keys: bytes) -> bytes:
    """``of_key`` of many, all of them one behind the other."""
    halves = np.frombuffer(keys, ">u8").reshape(-1, 2).astype(np.uint64)
    high, low = halves[:, 0], halves[:, 1]
    made = np.empty_like(halves)
    made[:, 0] = np.array(milliseconds, dtype=np.uint64) << _U(16) | _U(_VERSION >> 64) | high >> _U(52)
    made[:, 1] = _U(_VARIANT) | (high & _U((1 << 52) - 1)) << _U(10) | low >> _U(54)
    return made.astype(">u8").tobytes()


_U = np.uint64


def joined(found: Iterable[uuid.UUID]) -> bytes:
    """Their bytes, one behind the other."""
    return b"".join([one.int.to_bytes(BYTES, "big") for one in found])


def names(found: bytes) -> list[str]:
    """Ids that stand one behind the other, each as PostgreSQL reads it."""
    digits = found.hex()
    return [digits[at : at + 2 * BYTES] for at in range(0, len(digits), 2 * BYTES)]


def is_of_key(identity: uuid.UUID, key: uuid.UUID) -> bool:
    """Whether the id was made by ``of_key`` of this key."""
    return identity == of_key(milliseconds_of(identity), key)


@lru_cache(100)
def _blank(project_id: int) -> "hashlib.blake2b":
    """To be copied: that takes half as long as to make one."""
    return hashlib.blake2b(digest_size=16, key=project_id.to_bytes(8, "big"))


def client_key(project_id: int, client_id: str) -> uuid.UUID:
    """What a caller's id becomes: 128 bits, unique per project. Those of one trace begin alike."""
    hashed = _blank(project_id).copy()
    hashed.update(client_id.encode())
    whole = hashed.digest()
    if len(client_id) == SPAN_ID_LENGTH and client_id[TRACE_LENGTH] == "-":
        whole = _head(project_id, client_id[:TRACE_LENGTH]) + whole[HEAD_BYTES:]
    return of_number(int.from_bytes(whole, "big"))


def span_id(trace: str, span: str) -> str:
    """The sender's id of a call that is known by trace and span, both in hexadecimal."""
    return f"{trace}-{span}"


def trace_keys(project_id: int, trace: str) -> tuple[uuid.UUID, uuid.UUID]:
    """The least and the greatest key that a span of the trace can have."""
    head = _head(project_id, trace)
    rest = 16 - HEAD_BYTES
    return uuid.UUID(bytes=head + bytes(rest)), uuid.UUID(bytes=head + b"\xff" * rest)


def home(key: uuid.UUID) -> bytes:
    """The part of a key that decides on the shard: a trace stays together."""
    return key.bytes[:HEAD_BYTES]


def _head(project_id: int, trace: str) -> bytes:
    return hashlib.blake2b(trace.encode(), digest_size=HEAD_BYTES, key=project_id.to_bytes(8, "big")).digest()


def first_at(milliseconds: int) -> uuid.UUID:
    """The least id of that millisecond: a bound for ``id >= …`` and of partitions."""
    return uuid.UUID(int=max(0, milliseconds) << 80)


def milliseconds_of(identity: uuid.UUID) -> int:
    return identity.int >> 80

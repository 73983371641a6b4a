"""Work that may have to end early: loops over many things look now and then whether it may still go on.

Whoever sets a limit says so once; it holds for all that its thread does within, however far below.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeVar

from monitor.core import clock

Thing = TypeVar("Thing")
# things between two looks; a look costs about what one of them does
AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Limit:
    """``until`` on the clock that never goes back, or until somebody is ``gone``; then ``over`` says what to raise."""

    until: float
    gone: Callable[[], bool]
    over: Callable[[], Exception]


_limit: ContextVar[Limit | None] = ContextVar("limit", default=None)


@contextmanager
def under(limit: Limit) -> Iterator[None]:
    """What is done within has to end by then."""
    token = _limit.set(limit)
    try:
        yield
    finally:
        _limit.reset(token)


def look() -> None:
    """Raises what the limit says once it is reached; to be called between pieces of work."""
    limit = _limit.get()
    if limit is not None and (clock.monotonic() > limit.until or limit.gone()):
        raise limit.over()


def left() -> float:
    """The seconds that are left; endless where nobody set a limit."""
    limit = _limit.get()
    return math.inf if limit is None else limit.until - clock.monotonic()


def each(things: Sequence[Thing]) -> Iterable[Thing]:
    """The things, with a look now and then."""
    return things if len(things) <= AT_ONCE else _in_parts(things)


def _in_parts(things: Sequence[Thing]) -> Iterator[Thing]:
    for start in range(0, len(things), AT_ONCE):
        look()
        yield from things[start : start + AT_ONCE]

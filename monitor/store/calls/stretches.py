"""Which calls stand for a span that holds too many: the newest of each stretch of time, as many as it is long.

Stretches begin at the same moments wherever the span begins, so that a page that moves on with the clock reads nearly
the same calls again: they lie in memory, and its figures do not flicker. Pure.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stretch:
    """[since, until) in Unix milliseconds, and how many calls of it are read."""

    since: int
    until: int
    most: int


def stretches(since: int, until: int, number: int, limit: int) -> list[Stretch]:
    """About ``number`` stretches that fill [since, until), the newest first; they give ``limit`` calls together."""
    span = until - since
    if number <= 1 or span <= number:
        return [Stretch(since, until, limit)]
    width = -(-span // number)
    edges = [since, *range(since - since % width + width, until, width), until]
    return list(_between(edges, limit))[::-1]


def _between(edges: list[int], limit: int) -> Iterator[Stretch]:
    first, span = edges[0], edges[-1] - edges[0]
    for since, until in itertools.pairwise(edges):
        most = limit * (until - first) // span - limit * (since - first) // span
        yield Stretch(since, until, most)

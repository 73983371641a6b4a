"""Numbers that a document does not say and that follow from those it says: sums, differences, products, other units. Pure."""

import itertools
from collections.abc import Collection

# a month in seconds, when months are told as days
MONTH = 30 * 86_400.0
NEAR = 0.02
# small numbers follow from anything
LEAST = 3.0
# of a document full of numbers anything would follow
MOST = 24


def follows(number: float, numbers: Collection[float]) -> bool:
    """Whether a number is the sum, the difference or the product of two."""
    if number < LEAST or len(numbers) > MOST:
        return False
    pairs = itertools.combinations_with_replacement(sorted(numbers), 2)
    return any(
        _same(number, found) for a, b in pairs for found in (a + b, b - a, a * b) if found not in {a, b}
    )


def lasts(amount: tuple[float, str], amounts: Collection[tuple[float, str]]) -> bool:
    """Whether a duration is one of those, or two of them together, told in another unit."""
    wanted = _seconds(amount)
    known = [seconds for one in amounts if (seconds := _seconds(one)) is not None]
    if wanted is None or len(known) > MOST:
        return False
    sums = (a + b for a, b in itertools.combinations(known, 2))
    return any(_same(wanted, found) for found in (*known, *sums))


def _seconds(amount: tuple[float, str]) -> float | None:
    value, unit = amount
    return value if unit == "time" else value * MONTH if unit == "months" else None


def _same(one: float, other: float) -> bool:
    return abs(one - other) <= NEAR * max(abs(one), abs(other))

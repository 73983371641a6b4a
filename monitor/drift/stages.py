"""Which hours are the reference of a version at a moment of event time. Pure.

Pinned, never trailing: a trailing reference follows a slow change and falls silent. It grows in a few steps
until it holds 14 days; before that, tolerances are doubled and there are warnings but no pages.
"""

from dataclasses import dataclass
from enum import StrEnum

FULL = 14 * 24
STEPS = (6, 12, 24, 48, 96, 168, FULL)
# under two days no hour of the day has been seen twice
MATCHED = 48


class Maturity(StrEnum):
    """``full`` may page. ``growing`` warns. ``young`` warns, and knows no time of the day."""

    FULL = "full"
    GROWING = "growing"
    YOUNG = "young"


@dataclass(frozen=True, slots=True)
class Reference:
    """Hours since 1970, half open, of ``version``."""

    version: str
    first: int
    end: int

    @property
    def maturity(self) -> Maturity:
        if self.end - self.first >= FULL:
            return Maturity.FULL
        return Maturity.GROWING if self.end - self.first >= MATCHED else Maturity.YOUNG


@dataclass(frozen=True, slots=True)
class Pin:
    """What people set: another version, or from when on (and until when) things are normal."""

    version: str = ""
    first: int | None = None
    end: int | None = None


def reference_at(
    hour: int, version: str, firsts: dict[str, int], pin: Pin, *, shared: bool
) -> Reference | None:
    """The reference for an hour of ``version``; None while there is none.

    ``firsts``: the first hour of each version of the model. ``shared``: a signal of the inputs, whose measure
    stays that of the versions before.
    """
    if pin.first is not None:
        own = pin.version or version
        # hours that people chose are taken whole: four weeks of them are matched by the hour of the week
        if pin.end is not None and STEPS[0] <= pin.end - pin.first and pin.end <= hour:
            return Reference(own, pin.first, pin.end)
        return _grown(own, pin.first, min(hour, pin.end or hour))
    own = pin.version or version
    before = [one for one, first in firsts.items() if first < firsts.get(own, hour)]
    oldest = min(before, key=lambda one: firsts[one], default=None)
    if shared and oldest is not None and firsts.get(own, hour) - firsts[oldest] >= MATCHED:
        return _grown(oldest, firsts[oldest], min(hour, _end_of(oldest, firsts, hour)))
    grown = _grown(own, firsts.get(own, hour), hour)
    if before and (grown is None or grown.maturity == Maturity.YOUNG):
        latest = max(before, key=lambda one: firsts[one])
        start = max(firsts[latest], firsts[own] - FULL)
        return _grown(latest, start, firsts[own]) or grown
    return grown


def next_change(hour: int, found: Reference | None, first: int) -> int:
    """The first hour after ``hour`` at which the reference may be another one."""
    ages = [first + step for step in STEPS]
    if found is not None:
        ages += [found.first + step for step in STEPS]
    return min((one for one in ages if one > hour), default=hour + FULL)


def _end_of(version: str, firsts: dict[str, int], hour: int) -> int:
    """A version's hours count until the next one came, when that left it a matched reference."""
    later = [first for first in firsts.values() if first >= firsts[version] + MATCHED]
    return min(later, default=hour)


def _grown(version: str, first: int, until: int) -> Reference | None:
    """The largest step that fits between ``first`` and ``until``."""
    fitting = [step for step in STEPS if first + step <= until]
    return Reference(version, first, first + fitting[-1]) if fitting else None

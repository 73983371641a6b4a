"""What volume is expected now: same time of past weeks, at the level of the last day. Pure.

One regular signal in 5-minute ticks (requests, tokens); an hour that is missing is NaN and never zero.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from monitor.core.stats import Floats, Ints
from monitor.drift.engine.means import MAD_TO_DEVIATION

TICK = 300
DAY = 86_400 // TICK
WEEK = 7 * DAY
WEEKS = 4
SMOOTH = 7
RECENT = 3
HOUR = 12
LEVEL = (0.6, 1.4)
LEAST_NOISE = 0.03
LEAST_CHANGE = float(np.log(1.4))
DEVIATIONS = {"weeks": 4.0, "yesterday": 6.0}
IN_A_ROW = 2
DAYS_FOR_WEEKS = 15
DAYS_FOR_YESTERDAY = 2


class Basis(StrEnum):
    """What the expectation rests on; with ``none`` nothing can be said."""

    NONE = "none"
    YESTERDAY = "yesterday"
    WEEKS = "weeks"


@dataclass(frozen=True, slots=True)
class Expected:
    """Per tick (T,): the expected value, its normal band, and whether the signal is anomalous there.

    ``basis``: what the last tick rests on.
    """

    expected: Floats
    low: Floats
    high: Floats
    anomalous: np.ndarray
    basis: Basis


@dataclass(frozen=True, slots=True)
class Days:
    """The users' days at each tick (T,). ``kind``: 0 weekday, 1 weekend or holiday. ``ahead``: ticks that their
    clock is ahead of UTC: where it is put forward or back, the day moves with it.
    """

    kind: Floats
    ahead: Ints

    def before(self, values: Floats, ticks: int) -> Floats:
        """What there was so many ticks (whole days) earlier by the users' clock; NaN before the first."""
        place = np.arange(values.size) - ticks
        place += self.ahead - self.ahead[np.maximum(place, 0)]
        return np.where(place >= 0, values[np.maximum(place, 0)], np.nan)


def expect(values: Floats, kind_of_day: Ints, *, age: int = 0, ahead: Ints | None = None) -> Expected:
    """Judge every tick by those before it. ``values`` (T,): one per tick without a gap (NaN: unknown).

    ``kind_of_day`` (T,): 0 weekday, 1 weekend or holiday; yesterday says nothing across a change of it.
    ``ahead`` (T,): ticks that the users' clock is ahead of UTC.
    ``age``: ticks that the signal has lived before the first value. A tick's verdict does not depend on what
    comes after it, so a history that is told late is judged as it would have been live.
    """
    lived = age + np.arange(values.size)
    smooth = _centred_mean(values)
    usual = (smooth, _nearby(smooth, np.fmin), _nearby(smooth, np.fmax))
    days = Days(kind_of_day.astype(np.float64), np.zeros_like(kind_of_day) if ahead is None else ahead)
    same_kind = days.before(days.kind, DAY) == days.kind
    yesterday = [np.where(same_kind, days.before(one, DAY), np.nan) for one in usual]
    by_day = _judged(values, days, yesterday, Basis.YESTERDAY)
    young = lived < DAYS_FOR_WEEKS * DAY
    found = by_day
    if not young.all():
        by_week = _judged(values, days, [_by_week(one, days) for one in usual], Basis.WEEKS)
        found = [np.where(young, one, other) for one, other in zip(by_day, by_week, strict=True)]
    expected, low, high, anomalous = found
    unborn = lived < DAYS_FOR_YESTERDAY * DAY
    for part in (expected, low, high):
        part[unborn] = np.nan
    return Expected(expected, low, high, anomalous.astype(bool) & ~unborn, _basis(int(age + values.size)))


def _basis(lived: int) -> Basis:
    if lived < DAYS_FOR_YESTERDAY * DAY:
        return Basis.NONE
    return Basis.YESTERDAY if lived < DAYS_FOR_WEEKS * DAY else Basis.WEEKS


def _judged(values: Floats, days: Days, seasons: Sequence[Floats], basis: Basis) -> list[np.ndarray]:
    """Expected, low, high, anomalous. ``seasons``: the usual value, and the least and the most around it in time:
    where a day begins all at once nobody comes to the minute.
    """
    level = _level(values, seasons[0])
    expected, least, most = (season * level for season in seasons)
    with np.errstate(invalid="ignore"):
        steep = np.log((most + 1.0) / (least + 1.0)) > LEAST_CHANGE
    least, most = np.where(steep, least, expected), np.where(steep, most, expected)
    recent = _trailing_mean(values, RECENT)
    r, below, above = (np.log((recent + 1.0) / (one + 1.0)) for one in (expected, least, most))
    counted = _clumped(values) / (3.0 * np.maximum(expected, 0.1))
    noise = np.sqrt(np.maximum(LEAST_NOISE, _spread(r)) ** 2 + counted)
    limit = np.maximum(DEVIATIONS[basis] * noise, LEAST_CHANGE)
    with np.errstate(invalid="ignore"):
        outside = (above > limit) | (below < -limit)
    if basis == Basis.WEEKS:
        outside &= ~_yesterday_agrees(recent, r, limit, days)
    low, high = (
        np.maximum(0.0, (one + 1.0) * np.exp(side * limit) - 1.0)
        for one, side in ((least, -1.0), (most, 1.0))
    )
    return [expected, low, high, _in_a_row(outside)]


def _nearby(smooth: Floats, choose: np.ufunc) -> Floats:
    """The least or the most within a quarter of an hour of each tick."""
    padded = np.pad(smooth, RECENT, constant_values=np.nan)
    with np.errstate(invalid="ignore"):
        found: Floats = choose.reduce([padded[at : at + smooth.size] for at in range(2 * RECENT + 1)])
    return found


def _shifted(values: Floats, ticks: int) -> Floats:
    found = np.full(values.size, np.nan)
    found[ticks:] = values[:-ticks]
    return found


def _by_week(smooth: Floats, days: Days) -> Floats:
    """The median of up to four weeks at the same time; a holiday is compared with Sundays."""
    past = np.array([days.before(smooth, WEEK * week) for week in range(1, WEEKS + 1)])
    kinds = np.array([days.before(days.kind, WEEK * week) for week in range(1, WEEKS + 1)])
    alike = np.where(kinds == days.kind[None, :], past, np.nan)
    found = _median(alike)
    return np.where(np.isfinite(found), found, _last_alike(smooth, days))


def _median(rows: Floats) -> Floats:
    """The median of each column, without a word about columns that know nothing."""
    known = np.isfinite(rows)
    ordered = np.sort(np.where(known, rows, np.inf), axis=0)
    count = known.sum(axis=0)
    below = np.take_along_axis(ordered, np.maximum(0, (count - 1) // 2)[None, :], axis=0)[0]
    above = np.take_along_axis(ordered, np.minimum(rows.shape[0] - 1, count // 2)[None, :], axis=0)[0]
    return np.where(count > 0, (below + above) / 2.0, np.nan)


def _last_alike(smooth: Floats, days: Days) -> Floats:
    """The same time of the last day of the same kind."""
    found = np.full(smooth.size, np.nan)
    for back in range(7, 0, -1):
        past, kind = days.before(smooth, DAY * back), days.before(days.kind, DAY * back)
        usable = (kind == days.kind) & np.isfinite(past)
        found[usable] = past[usable]
    return found


def _centred_mean(values: Floats) -> Floats:
    kernel = np.ones(SMOOTH)
    known = np.isfinite(values)
    total = np.convolve(np.where(known, values, 0.0), kernel, "same")
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Floats = total / np.convolve(known.astype(float), kernel, "same")
    return found


def _trailing_sum(values: Floats, ticks: int) -> Floats:
    """The sum of the last ``ticks`` values, this one included; NaN counts as nothing."""
    cumulative = np.concatenate([[0.0], np.cumsum(np.nan_to_num(values))])
    start = np.maximum(0, np.arange(1, values.size + 1) - ticks)
    found: Floats = cumulative[1:] - cumulative[start]
    return found


def _trailing_mean(values: Floats, ticks: int) -> Floats:
    known = _trailing_sum(np.isfinite(values).astype(float), ticks)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(known == ticks, _trailing_sum(values, ticks) / known, np.nan)


def _level(values: Floats, season: Floats) -> Floats:
    """How the last 24 hours without the last one went against the season, within 40 %."""
    both = np.isfinite(values) & np.isfinite(season)
    seen, usual = np.where(both, values, 0.0), np.where(both, season, 0.0)
    seen, usual = (_shifted(_trailing_sum(one, DAY - HOUR), HOUR) for one in (seen, usual))
    with np.errstate(invalid="ignore", divide="ignore"):
        level = np.clip(seen / usual, *LEVEL)
    return np.where(np.isfinite(level), level, 1.0)


def _clumped(values: Floats) -> Floats:
    """By how much neighbouring ticks of the last 7 days differ more than calls of their own would: calls come in
    sessions, which nights with few of them show. At least 1; what wanders slowly is no part of it.
    """
    before = _shifted(values, 1)
    both = np.maximum(values + before, 1.0)
    return np.maximum(1.0, _spread((values - before) / np.sqrt(both)) ** 2)


def _spread(r: Floats) -> Floats:
    """The robust deviation of the last 7 days before each tick, renewed by the hour."""
    found = np.full(r.size, LEAST_NOISE)
    for start in range(0, r.size, HOUR):
        past = r[max(0, start - WEEK) : start]
        past = past[np.isfinite(past)]
        if past.size >= DAY // 2:
            found[start : start + HOUR] = MAD_TO_DEVIATION * np.median(np.abs(past - np.median(past)))
    return found


def _yesterday_agrees(recent: Floats, r: Floats, limit: Floats, days: Days) -> np.ndarray:
    """Yesterday left the expectation the same way and was much the same: a new habit, not an anomaly."""
    before = np.log((recent + 1.0) / (days.before(recent, DAY) + 1.0))
    same_kind = days.before(days.kind, DAY) == days.kind
    with np.errstate(invalid="ignore"):
        agrees: np.ndarray = (
            same_kind & (np.abs(before) <= limit) & (np.sign(r) == np.sign(days.before(r, DAY)))
        )
    return agrees


def _in_a_row(outside: np.ndarray) -> np.ndarray:
    found = outside.copy()
    for back in range(1, IN_A_ROW):
        found[back:] &= outside[:-back]
        found[:back] = False
    return found

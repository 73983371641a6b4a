"""Which series moved with an alert, by how much, and how long before or after it. Pure statistics.

Every series loses its slow course (hours of day, trends) and is scaled by its own unrest. What remains is
correlated with the alert's series at every lag of interest. Chance is known from the series themselves: the same
figure at every other shift of one against the other, so that likeness of neighbours and bursts count as they are.
Of all candidates those are told that hold a false-discovery rate (Benjamini and Hochberg) and have themselves left
their usual range while the alert's cause lasted. It shows company, not cause.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
# the slow course: medians of such blocks, smoothed over so many of them
BLOCK_SECONDS, SMOOTHED = 1200.0, 13
BEFORE_SECONDS, AFTER_SECONDS = 300.0, 60.0
FALSE_SHARE = 0.04
# how much must be known: of the whole of a candidate, of the whole of the alert's series (which quiet nights hide),
# and of its hours around the alert
LEAST_KNOWN, LEAST_KNOWN_OF_TARGET, LEAST_KNOWN_NEAR = 0.7, 0.25, 0.7
CLIP, LEAST_SCALE = 6.0, 0.3
# how far the mean of the scaled series must stand from usual while the cause lasts
LEFT_USUAL, TARGET_LEFT = 2.0, 1.0
CALM_SECONDS = 3 * 3600.0
# the lag is read off the alert and so long before it
NEAR_SECONDS = 2700.0
# an event and no state: away from its usual value at most so long, and so seldom
PULSE_SECONDS, RARE = 600.0, 0.02
Verdict = Literal["found", "nothing", "short", "unclear", "unknown"]


@dataclass(frozen=True, slots=True)
class Moved:
    """``lag`` in seconds: positive when it moved before the alert's series. ``r``: around the alert; ``p``: by
    chance over the whole time, before correction.
    """

    key: str
    lag: float
    r: float
    p: float
    before: float
    now: float


@dataclass(frozen=True, slots=True)
class Company:
    """``tested``: candidates that had anything to compare. ``unclear``: the alert's own series shows no move;
    ``unknown``: too little of it is known around the alert.
    """

    verdict: Verdict
    tested: int
    moved: tuple[Moved, ...] = ()


def search(times: Floats, target: Floats, onset: float, candidates: Mapping[str, Floats]) -> Company:
    """``times``: an even grid in seconds; the cause lasts from ``onset`` to its end."""
    step = float(times[1] - times[0])
    cause = times >= onset
    near = np.flatnonzero(times >= onset - NEAR_SECONDS)
    if (
        np.isfinite(target[near]).mean() < LEAST_KNOWN_NEAR
        or np.isfinite(target).mean() < LEAST_KNOWN_OF_TARGET
    ):
        return Company("unknown", 0)
    mine = moves(target, step, LEAST_KNOWN_OF_TARGET)
    if mine is None or abs(float(mine[cause].mean())) < TARGET_LEFT:
        return Company("unclear", 0)
    scaled = {key: found for key, line in candidates.items() if (found := moves(line, step)) is not None}
    if not scaled:
        return Company("nothing", 0)
    lags = np.arange(-round(AFTER_SECONDS / step), round(BEFORE_SECONDS / step) + 1)
    pulses = {key: _pulses(candidates[key], step) for key in scaled}
    place = int(np.argmax(cause))
    chances = [
        _chance_of_pulse(pulses[key], place, lags, len(times))
        if pulses[key].size
        else _chance(mine, line, lags)
        for key, line in scaled.items()
    ]
    moved = []
    for (key, line), p, told in zip(scaled.items(), chances, _discovered(chances), strict=True):
        if told and pulses[key].size:
            lag = int(min(place - pulses[key], key=abs))
            _, r = _best(target, candidates[key], np.array([lag]), near)
            moved.append(
                _pulsed(
                    _moved(key, lag * step, r, p, candidates[key], times, onset),
                    candidates[key][place - lag :],
                )
            )
            continue
        lag, r = _best(target, candidates[key], lags, near) if told else (0, 0.0)
        if told and _left(line, cause, lag):
            moved.append(_moved(key, lag * step, r, p, candidates[key], times, onset))
    moved.sort(key=lambda one: (one.p, -abs(one.r)))
    # with so few shifts not even the strongest lone companion could be told from chance
    short = len(lags) / len(times) > FALSE_SHARE / len(scaled)
    return Company("found" if moved else "short" if short else "nothing", len(scaled), tuple(moved))


def onset_of(times: Floats, target: Floats, active: float, earliest: float) -> float:
    """When the alert's cause began: the step that fits the series best between ``earliest`` and ``active``."""
    near = np.flatnonzero((times >= earliest - NEAR_SECONDS) & np.isfinite(target))
    x, y = times[near], target[near]
    places = np.flatnonzero((x > earliest) & (x <= active))
    places = places[places > 0]
    if not places.size:
        return active
    sums = np.concatenate([[0.0], np.cumsum(y)])
    n = len(y)
    # of all splits the one whose two means differ most, weighed by how much each side tells
    gap = sums[places] / places - (sums[n] - sums[places]) / (n - places)
    return float(x[places[int(np.argmax(gap**2 * places * (n - places)))]])


def moves(values: Floats, step: float, least: float = LEAST_KNOWN) -> Floats | None:
    """The series without its slow course, in units of its own unrest, 0 where unknown; None for a flat one."""
    known = np.isfinite(values)
    if known.mean() < least:
        return None
    rest = np.where(known, values - _course(values, step), 0.0)
    whole = 1.4826 * float(np.median(np.abs(rest[known])))
    if whole > 0:
        unrest = 1.4826 * _course(np.where(known, np.abs(rest), np.nan), step)
        scale: Floats | float = np.maximum(unrest, LEAST_SCALE * whole)
    else:
        scale = float(rest[known].std())
        if scale <= 1e-12 * max(1.0, float(np.abs(values[known]).max())):
            return None
    return np.clip(rest / scale, -CLIP, CLIP) * known


def _course(values: Floats, step: float) -> Floats:
    """Medians of blocks, through each a robust line over its neighbours, joined. Lines, because the mean of
    neighbours lags behind at the ends, where the alert is.
    """
    size = max(1, round(BLOCK_SECONDS / step))
    count = -(-len(values) // size)
    padded = np.full(count * size, np.nan)
    padded[: len(values)] = values
    blocks = padded.reshape(count, size)
    told = np.isfinite(blocks).any(axis=1)
    medians: Floats = np.nanmedian(blocks[told], axis=1)
    middles = (np.flatnonzero(told).astype(np.float64) + 0.5) * size
    course: Floats = np.interp(np.arange(len(values)) + 0.5, middles, _lines(middles, medians))
    return course


def _lines(x: Floats, y: Floats) -> Floats:
    """For each place the value there of Theil and Sen's line over the nearest ``SMOOTHED`` places."""
    width = min(SMOOTHED, len(x))
    first = np.clip(np.arange(len(x)) - width // 2, 0, len(x) - width)
    near = first[:, None] + np.arange(width)
    i, j = np.triu_indices(width, 1)
    if not i.size:
        return y
    xs, ys = x[near], y[near]
    slope = np.median((ys[:, j] - ys[:, i]) / (xs[:, j] - xs[:, i]), axis=1)
    fitted: Floats = np.median(ys - slope[:, None] * xs, axis=1) + slope * x
    return fitted


def _chance(target: Floats, line: Floats, lags: Ints) -> float:
    """The share of all shifts of one against the other that go along as well as the lags of interest do."""
    n = len(target)
    size = np.abs(np.fft.irfft(np.fft.rfft(target) * np.conj(np.fft.rfft(line)), n))
    best = size[lags % n].max()
    windows = np.lib.stride_tricks.sliding_window_view(
        np.concatenate([size, size[: len(lags) - 1]]), len(lags)
    )
    return float((windows.max(axis=1) >= best * (1 - 1e-9)).sum()) / n


def _best(target: Floats, line: Floats, lags: Ints, near: Ints) -> tuple[int, float]:
    """(lag in steps, correlation) around the alert: what lasts to the end is placed by where it began. Of the
    figures as they are: clipped ones would make the unrest before it as tall as the move.
    """
    found = []
    for lag in lags.tolist():
        there = near - lag
        kept = (there >= 0) & (there < len(line))
        kept[kept] = np.isfinite(target[near[kept]]) & np.isfinite(line[there[kept]])
        found.append((_pearson(target[near[kept]], line[there[kept]]), -abs(lag), lag))
    r, _, lag = max(found, key=lambda one: (abs(one[0]), one[1]))
    return lag, r


def _pearson(a: Floats, b: Floats) -> float:
    if not a.size:
        return 0.0
    a, b = a - a.mean(), b - b.mean()
    power = float(np.sqrt((a**2).sum() * (b**2).sum()))
    return float((a * b).sum()) / power if power > 0 else 0.0


def _discovered(ps: Sequence[float]) -> list[bool]:
    """Benjamini and Hochberg."""
    ordered = np.sort(np.array(ps))
    below = np.flatnonzero(ordered <= FALSE_SHARE * np.arange(1, len(ps) + 1) / len(ps))
    limit = ordered[below[-1]] if below.size else -1.0
    return [p <= limit for p in ps]


def _left(line: Floats, cause: npt.NDArray[np.bool_], lag: int) -> bool:
    """Whether the candidate was out of its usual range while the cause lasted, moved by its lag."""
    there = np.flatnonzero(cause) - lag
    mine = line[there[(there >= 0) & (there < len(line))]]
    return mine.size > 0 and abs(float(mine.mean())) >= LEFT_USUAL


def _pulses(values: Floats, step: float) -> Ints:
    """Where each event of a series begins that hardly ever leaves its usual value, and only for minutes; else none.
    Such a one says nothing by its height while the cause lasts, but by when it came.
    """
    known = np.isfinite(values)
    away = known & (values != np.median(values[known]))
    edges = np.diff(np.concatenate([[0], away.astype(np.int64), [0]]))
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    if away.mean() > RARE or not starts.size or (ends - starts).max() * step > PULSE_SECONDS:
        return np.empty(0, dtype=np.int64)
    return starts


def _chance_of_pulse(starts: Ints, place: int, lags: Ints, size: int) -> float:
    """The share of all moments that have an event as near as the onset has one; 1 where it has none."""
    near = np.zeros(size, dtype=bool)
    for lag in lags.tolist():
        near[(starts + lag) % size] = True
    return float(near.mean()) if near[place] else 1.0


def _moved(key: str, lag: float, r: float, p: float, values: Floats, times: Floats, onset: float) -> Moved:
    """The figures that people see: the median of the calm hours before, and of the time of the cause."""
    calm = values[(times < onset - BEFORE_SECONDS) & (times >= onset - CALM_SECONDS)]
    now = values[times >= onset - lag]
    return Moved(key, lag, r, p, _median(calm), _median(now))


def _pulsed(moved: Moved, since: Floats) -> Moved:
    """An event is over in the middle of its cause: the farthest that it went."""
    known = since[np.isfinite(since)]
    return replace(moved, now=float(known[np.argmax(np.abs(known - moved.before))]))


def _median(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size else float("nan")

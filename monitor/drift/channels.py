"""A signal fitted to its reference, and what it makes of later hours. Pure: bodies in, effects out."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from monitor.core.stats import Floats, Ints
from monitor.drift.bodies import MOST_VALUES, REST, TICKS, Body, Marks, Sums
from monitor.drift.engine import counts, detector, means, vectors
from monitor.drift.engine.counts import Rates, Ticks
from monitor.drift.engine.detector import Evidence
from monitor.drift.engine.matching import HOUR, Calendar, Cells, Load
from monitor.drift.engine.means import Effects, Hours, Normal
from monitor.drift.engine.vectors import Clusters, VectorHours, Wording
from monitor.drift.signals import SignalKind
from monitor.drift.stages import Maturity

# how many past ticks of 5 minutes make the load of one, and the rate that is shown
LOAD_TICKS = 3
SHOWN_TICKS = 12
CALM_SECONDS = 6 * 3600
# calls beyond a quantile are only told where a load bin of the reference held so many
LEAST_FOR_QUANTILE = 200
LEAST_HOURS = 6


class NothingToLearnError(ValueError):
    """The reference holds too little of this signal; says what is missing."""


@dataclass(frozen=True, slots=True)
class Window:
    """Consecutive hours of one version: their sums, and the calls of the whole model by 5 minutes (12 H,)."""

    hours: Ints
    bodies: Sequence[Body]
    marks: Sequence[Marks]
    load: Floats
    vectors: VectorHours | None = None

    @property
    def hourly_load(self) -> Floats:
        found: Floats = self.load.reshape(-1, TICKS).sum(axis=1)
        return found

    @property
    def tick_load(self) -> Floats:
        """The calls of the last 15 minutes at each tick."""
        found: Floats = np.convolve(self.load, np.ones(LOAD_TICKS))[: self.load.size]
        return found


class Judged(Protocol):
    """Ticks of one signal. ``effect`` and the band are in the unit that people read; NaN is unknown."""

    @property
    def ends(self) -> Ints: ...

    @property
    def effect(self) -> Floats: ...

    @property
    def low(self) -> Floats: ...

    @property
    def high(self) -> Floats: ...

    def take(self, evidence: Evidence, tick: int) -> None: ...

    def calm(self, tick: int) -> bool:
        """Whether the effect of the last 6 hours is well within the tolerance."""
        ...


class Channel(Protocol):
    """A fitted signal. ``names``: its streams, [""] for the only one."""

    @property
    def names(self) -> tuple[str, ...]: ...

    def evidence(self) -> Evidence: ...

    def by_name(self, evidence: Evidence) -> Floats:
        """R of each named stream."""
        ...

    def judge(self, window: Window) -> Judged: ...


def fit(
    kind: SignalKind, reference: Window, calendar: Calendar, maturity: Maturity, clusters: Clusters | None
) -> Channel:
    """Learn what is normal. Raises NothingToLearnError."""
    factor = 1.0 if maturity == Maturity.FULL else 2.0
    matcher = _Matcher(kind, reference, calendar, maturity)
    if kind.way in {"rate", "beyond"}:
        return _fit_rates(kind, reference, matcher, factor)
    if kind.way == "wording":
        return _fit_wording(reference, clusters, calendar)
    names = _names(kind, reference, clusters)
    hours = _streams(kind, reference, names, clusters)
    if int((hours.n.max(axis=1, initial=0) >= means.LEAST_ITEMS).sum()) < LEAST_HOURS:
        message = f"the reference has under {LEAST_HOURS} hours with {means.LEAST_ITEMS} such calls"
        raise NothingToLearnError(message)
    normal = means.fit(hours, matcher.cells(reference), matcher.days(reference), kind.floor * factor)
    return MeanChannel(kind, names, normal, matcher, clusters)


class _Matcher:
    """Chooses the cells of hours: by season or by load, or all alike while the reference is young."""

    def __init__(self, kind: SignalKind, reference: Window, calendar: Calendar, maturity: Maturity) -> None:
        self.calendar = calendar
        self.young = maturity == Maturity.YOUNG
        self.by_load = kind.match == "load" and not self.young
        self.hourly = Load.of(reference.hourly_load) if self.by_load else None
        self.ticks = Load.of(reference.tick_load) if self.by_load else None

    def cells(self, window: Window) -> Cells:
        if self.hourly is not None:
            return self.hourly.cells(window.hourly_load)
        if self.young:
            return Cells((np.zeros_like(window.hours),), (1,))
        return self.calendar.cells(window.hours)

    def days(self, window: Window) -> Ints:
        return window.hours if self.young else self.calendar.days(window.hours)

    def tick_cells(self, window: Window) -> tuple[Ints, int]:
        if self.ticks is not None:
            return self.ticks.bins(window.tick_load), self.ticks.size
        if self.young:
            return np.zeros(window.load.size, dtype=np.int64), 1
        return np.repeat(self.calendar.strata(window.hours), TICKS), self.calendar.size


def _names(kind: SignalKind, reference: Window, clusters: Clusters | None) -> tuple[str, ...]:
    """The streams: the commonest values of the reference, and one for whatever else comes."""
    if kind.way == "mix":
        return tuple(f"cluster {one + 1}" for one in range(int(clusters.group.max()) + 1)) if clusters else ()
    if kind.way == "novelty" or (not kind.by and kind.way == "mean" and kind.source != "judge"):
        return ("",)
    total: Counter[str] = Counter()
    for table in _tables(kind, reference):
        total.update({name: sums[0] for name, sums in table.items()})
    names = tuple(name for name, _ in total.most_common(MOST_VALUES) if name != REST)
    return (*names, REST) if kind.way == "share" else names


def _tables(kind: SignalKind, window: Window) -> list[dict[str, Sums]]:
    """Per hour: stream → n, sum, sum of squares."""
    if kind.source == "judge":
        return [marks.names for marks in window.marks]
    if kind.by:
        return [body.sliced.get(kind.by, {}) for body in window.bodies]
    if kind.way == "share":
        return [
            {name: [float(n), float(n), float(n)] for name, n in body.shares.get(kind.source, {}).items()}
            for body in window.bodies
        ]
    return [{"": body.numbers[kind.source]} if kind.source in body.numbers else {} for body in window.bodies]


def _streams(kind: SignalKind, window: Window, names: tuple[str, ...], clusters: Clusters | None) -> Hours:
    if kind.way in {"mix", "novelty"}:
        return _vector_streams(kind, window, clusters)
    sums = np.zeros((window.hours.size, len(names), 3))
    place = {name: index for index, name in enumerate(names)}
    rest = place.get(REST)
    for row, table in enumerate(_tables(kind, window)):
        for name, found in table.items():
            index = place.get(name, rest)
            if index is not None:
                sums[row, index] += found
    if kind.way == "share":
        return Hours.of_shares(window.hours, sums[:, :, 0])
    return Hours(window.hours, sums[:, :, 0], sums[:, :, 1], sums[:, :, 2])


def _vector_streams(kind: SignalKind, window: Window, clusters: Clusters | None) -> Hours:
    found = window.vectors
    if found is None or clusters is None:
        message = "no vectors of prompts in the reference"
        raise NothingToLearnError(message)
    if kind.way == "mix":
        return Hours.of_shares(window.hours, clusters.mix(found))
    far = found.far[:, None]
    return Hours(window.hours, found.calls[:, None], far, far)


@dataclass(frozen=True, slots=True)
class MeanChannel:
    """Means and shares by the hour, two-sided."""

    kind: SignalKind
    names: tuple[str, ...]
    normal: Normal
    matcher: _Matcher
    clusters: Clusters | None

    def evidence(self) -> Evidence:
        return Evidence.of(2 * len(self.names))

    def by_name(self, evidence: Evidence) -> Floats:
        up, down = np.split(evidence.by_stream, 2)
        found: Floats = (up + down) / 2.0
        return found

    def judge(self, window: Window) -> "JudgedMeans":
        hours = _streams(self.kind, window, self.names, self.clusters)
        effects = self.normal.effects(hours, self.matcher.cells(window))
        said, low, high = effects.x, -self.normal.tolerance, self.normal.tolerance
        if self.kind.scale == "percent":
            said, low, high = np.expm1(said), np.expm1(low), np.expm1(high)
        ends = (window.hours + 1) * HOUR
        return JudgedMeans(ends, said, low, high, self.normal.excess(effects), effects, self.normal.tolerance)


@dataclass(frozen=True, slots=True)
class JudgedMeans:
    ends: Ints
    effect: Floats
    low: Floats
    high: Floats
    z: Floats
    effects: Effects
    tolerance: Floats

    def take(self, evidence: Evidence, tick: int) -> None:
        evidence.excess(self.z[tick])

    def calm(self, tick: int) -> bool:
        past = self.effects.x[max(0, tick + 1 - CALM_SECONDS // HOUR) : tick + 1]
        known = np.isfinite(past)
        n = known.sum(axis=0)
        mean = np.where(known, past, 0.0).sum(axis=0) / np.maximum(n, 1)
        return bool((np.abs(mean) < self.tolerance / 2.0).all())


def _fit_rates(kind: SignalKind, reference: Window, matcher: _Matcher, factor: float) -> "RateChannel":
    cells, size = matcher.tick_cells(reference)
    threshold = _thresholds(kind, reference, cells, size) if kind.way == "beyond" else None
    ticks = _ticks(kind, reference, cells, threshold)
    if float(ticks.n.sum()) < LEAST_FOR_QUANTILE:
        message = f"the reference has {ticks.n.sum():.0f} such calls; {LEAST_FOR_QUANTILE} are needed"
        raise NothingToLearnError(message)
    wanders = counts.WANDERS["seasonal" if kind.way == "rate" else f"p{round(kind.q * 100)}"]
    rates = counts.fit(ticks, size, 1.0 + (kind.floor - 1.0) * factor, wanders)
    return RateChannel(kind, ("",), rates, matcher, threshold)


def _thresholds(kind: SignalKind, reference: Window, cells: Ints, size: int) -> Floats:
    """The bucket of the q-quantile in each cell; a thin cell borrows from its nearest neighbour."""
    spread: list[Counter[int]] = [Counter() for _ in range(size)]
    for row, body in enumerate(reference.bodies):
        for tick, (index, number) in enumerate(body.spread.get(kind.source, [])):
            spread[int(cells[row * TICKS + tick])].update(dict(zip(index, number, strict=True)))
    found = np.full(size, np.nan)
    for cell, table in enumerate(spread):
        total = sum(table.values())
        if total >= LEAST_FOR_QUANTILE:
            places = np.array(sorted(table))
            below = np.cumsum([table[int(place)] for place in places])
            found[cell] = places[int(np.searchsorted(below, kind.q * total))]
    known = np.flatnonzero(np.isfinite(found))
    if not known.size:
        message = f"no load of the reference has {LEAST_FOR_QUANTILE} such calls"
        raise NothingToLearnError(message)
    nearest = known[np.abs(known[None, :] - np.arange(size)[:, None]).argmin(axis=1)]
    borrowed: Floats = found[nearest]
    return borrowed


def _ticks(kind: SignalKind, window: Window, cells: Ints, threshold: Floats | None) -> Ticks:
    n, events = np.zeros(window.load.size), np.zeros(window.load.size)
    for row, body in enumerate(window.bodies):
        if not body.calls:
            continue
        here = slice(row * TICKS, (row + 1) * TICKS)
        if threshold is None:
            n[here], events[here] = body.rates["calls"], body.rates[kind.source]
            continue
        for tick, (index, number) in enumerate(body.spread.get(kind.source, [])):
            at = row * TICKS + tick
            n[at] = sum(number)
            limit = threshold[cells[at]]
            events[at] = sum(many for place, many in zip(index, number, strict=True) if place > limit)
    times = (window.hours[:, None] * TICKS + np.arange(TICKS)[None, :]).reshape(-1)
    return Ticks(times, n, events, cells)


@dataclass(frozen=True, slots=True)
class RateChannel:
    """Counts by 5 minutes; only more than usual is a page."""

    kind: SignalKind
    names: tuple[str, ...]
    rates: Rates
    matcher: _Matcher
    threshold: Floats | None

    def evidence(self) -> Evidence:
        return Evidence.of(1, detector.RATES.size)

    def by_name(self, evidence: Evidence) -> Floats:
        return evidence.by_stream

    def judge(self, window: Window) -> "JudgedRates":
        cells, _ = self.matcher.tick_cells(window)
        ticks = _ticks(self.kind, window, cells, self.threshold)
        usual = np.nan_to_num(ticks.n * self.rates.rate[cells])
        seen = np.where(np.isfinite(self.rates.rate[cells]), ticks.events, 0.0)
        ratio = _trailing(seen, SHOWN_TICKS), _trailing(usual, SHOWN_TICKS)
        with np.errstate(invalid="ignore", divide="ignore"):
            effect = np.where(ratio[1] > 0, ratio[0] / ratio[1], np.nan)
        expected = self.rates.expected(ticks)
        return JudgedRates(
            (ticks.at + 1) * counts.TICK, effect[:, None], np.zeros(1), np.array([self.rates.ratio]),
            ticks.events, expected, self.rates.dispersion(ticks), (seen, usual),
        )  # fmt: skip


def _trailing(values: Floats, ticks: int) -> Floats:
    total = np.concatenate([[0.0], np.cumsum(values)])
    found: Floats = total[1:] - total[np.maximum(0, np.arange(1, values.size + 1) - ticks)]
    return found


@dataclass(frozen=True, slots=True)
class JudgedRates:
    ends: Ints
    effect: Floats
    low: Floats
    high: Floats
    events: Floats
    expected: Floats
    dispersion: Floats
    seen: tuple[Floats, Floats]

    def take(self, evidence: Evidence, tick: int) -> None:
        here = slice(tick, tick + 1)
        if np.isfinite(self.expected[tick]):
            evidence.counts(self.events[here], self.expected[here], self.dispersion[here])

    def calm(self, tick: int) -> bool:
        past = slice(max(0, tick + 1 - CALM_SECONDS // counts.TICK), tick + 1)
        events, usual = (float(one[past].sum()) for one in self.seen)
        return events <= usual * float(np.sqrt(self.high[0]))


def _fit_wording(reference: Window, clusters: Clusters | None, calendar: Calendar) -> "WordingChannel":
    found = reference.vectors
    if found is None or clusters is None or int((found.calls >= vectors.LEAST_VECTORS).sum()) < LEAST_HOURS:
        message = (
            f"the reference has under {LEAST_HOURS} hours with {vectors.LEAST_VECTORS} vectors of prompts"
        )
        raise NothingToLearnError(message)
    wording = vectors.fit_wording(found, clusters, calendar.days(found.at))
    lengths = wording.length(found)[found.calls >= vectors.LEAST_VECTORS]
    return WordingChannel(("",), wording, max(vectors.LEAST_LENGTH, float(np.quantile(lengths, 0.99))))


@dataclass(frozen=True, slots=True)
class WordingChannel:
    """The shift of the mean vector at fixed mix, by the hour."""

    names: tuple[str, ...]
    wording: Wording
    usual: float

    def evidence(self) -> Evidence:
        return Evidence.of(1)

    def by_name(self, evidence: Evidence) -> Floats:
        return evidence.by_stream

    def judge(self, window: Window) -> "JudgedWording":
        found = window.vectors
        ends = (window.hours + 1) * HOUR
        if found is None:
            none = np.full(window.hours.size, np.nan)
            return JudgedWording(ends, none[:, None], np.zeros(1), np.array([self.usual]), none)
        enough = found.calls >= vectors.LEAST_VECTORS
        effect = np.where(enough, self.wording.length(found), np.nan)
        z = self.wording.excess(found)
        return JudgedWording(ends, effect[:, None], np.zeros(1), np.array([self.usual]), z)


@dataclass(frozen=True, slots=True)
class JudgedWording:
    ends: Ints
    effect: Floats
    low: Floats
    high: Floats
    z: Floats

    def take(self, evidence: Evidence, tick: int) -> None:
        if np.isfinite(self.effect[tick, 0]):
            evidence.excess(self.z[tick : tick + 1])

    def calm(self, tick: int) -> bool:
        past = self.effect[max(0, tick + 1 - CALM_SECONDS // HOUR) : tick + 1, 0]
        known = past[np.isfinite(past)]
        return known.size == 0 or float(known.mean()) < float(self.high[0])

"""Counts by 5 minutes: events of all calls, or calls beyond a quantile of the reference."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from monitor.core.stats import Floats, Ints
from monitor.drift.bodies import TICKS
from monitor.drift.channels.base import CALM_SECONDS, NothingToLearnError, Window
from monitor.drift.channels.matcher import Matcher
from monitor.drift.engine import counts, detector
from monitor.drift.engine.counts import Rates, Ticks
from monitor.drift.engine.detector import Evidence
from monitor.drift.signals import SignalKind

# the rate that is shown is that of the last hour
SHOWN_TICKS = 12
# calls beyond a quantile are only told where a load bin of the reference held so many
LEAST_FOR_QUANTILE = 200


def fit(kind: SignalKind, reference: Window, matcher: Matcher, factor: float) -> "RateChannel":
    """Raises NothingToLearnError."""
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
    matcher: Matcher
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
        return usual > 0.0 and events <= usual * float(np.sqrt(self.high[0]))

"""Means and shares by the hour: one stream, or one per value of a dimension."""

from collections import Counter
from dataclasses import dataclass
from typing import Literal

import numpy as np

from monitor.core.stats import Floats, Ints
from monitor.drift.bodies import MOST_VALUES, REST, Sums
from monitor.drift.channels.base import CALM_SECONDS, LEAST_HOURS, NothingToLearnError, Window
from monitor.drift.channels.matcher import Matcher
from monitor.drift.engine import means
from monitor.drift.engine.detector import Evidence
from monitor.drift.engine.matching import HOUR
from monitor.drift.engine.means import Effects, Hours, Normal
from monitor.drift.engine.vectors import Clusters
from monitor.drift.signals import SignalKind


def fit(
    kind: SignalKind, reference: Window, matcher: Matcher, factor: float, clusters: Clusters | None
) -> "MeanChannel":
    """Raises NothingToLearnError."""
    names = _names(kind, reference, clusters)
    unit = _unit(kind, reference)
    hours = _streams(kind, reference, names, clusters, unit)
    if int((hours.n.max(axis=1, initial=0) >= means.LEAST_ITEMS).sum()) < LEAST_HOURS:
        message = f"the reference has under {LEAST_HOURS} hours with {means.LEAST_ITEMS} such calls"
        raise NothingToLearnError(message)
    normal = means.fit(hours, matcher.cells(reference), matcher.days(reference), kind.floor * factor)
    return MeanChannel(kind, names, normal, matcher, clusters, unit)


def _unit(kind: SignalKind, reference: Window) -> float:
    """In what the effect is measured: itself, or standard deviations of the reference."""
    if kind.scale != "deviations":
        return 1.0
    found = [body.numbers[kind.source] for body in reference.bodies if kind.source in body.numbers]
    n, total, squares = np.array(found).sum(axis=0) if found else (1.0, 0.0, 0.0)
    mean = total / n
    # what has always been the same number may move by a tenth of it; what has always been nothing has no scale
    # but its own unit, or one odd call in a thousand would page
    return float(max(np.sqrt(max(squares / n - mean**2, 0.0)), 0.1 * abs(mean))) or 1.0


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


def _streams(
    kind: SignalKind, window: Window, names: tuple[str, ...], clusters: Clusters | None, unit: float
) -> Hours:
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
    return Hours(window.hours, sums[:, :, 0], sums[:, :, 1] / unit, sums[:, :, 2] / unit**2)


def _vector_streams(kind: SignalKind, window: Window, clusters: Clusters | None) -> Hours:
    found = window.vectors
    if found is None or clusters is None:
        message = f"no vectors of {kind.source}s in the reference"
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
    matcher: Matcher
    clusters: Clusters | None
    unit: float = 1.0

    def evidence(self) -> Evidence:
        return Evidence.of(2 * len(self.names))

    def by_name(self, evidence: Evidence) -> Floats:
        up, down = np.split(evidence.by_stream, 2)
        found: Floats = (up + down) / 2.0
        return found

    def judge(self, window: Window) -> "JudgedMeans":
        hours = _streams(self.kind, window, self.names, self.clusters, self.unit)
        effects = self.normal.effects(hours, self.matcher.cells(window))
        said, low, high = effects.x, -self.normal.tolerance, self.normal.tolerance
        if self.kind.scale == "percent":
            said, low, high = np.expm1(said), np.expm1(low), np.expm1(high)
        ends = (window.hours + 1) * HOUR
        z = self.normal.excess(effects)
        if self.kind.worse:
            # the evening's short answers come sooner at the load of a busy noon, and nobody minds
            better = slice(len(self.names), None) if self.kind.worse == "up" else slice(len(self.names))
            z[:, better] = np.nan
        return JudgedMeans(ends, said, low, high, z, effects, self.normal.tolerance, self.kind.worse)


@dataclass(frozen=True, slots=True)
class JudgedMeans:
    ends: Ints
    effect: Floats
    low: Floats
    high: Floats
    z: Floats
    effects: Effects
    tolerance: Floats
    worse: Literal["", "up", "down"] = ""

    def take(self, evidence: Evidence, tick: int) -> None:
        evidence.excess(self.z[tick])

    def calm(self, tick: int) -> bool:
        past = self.effects.x[max(0, tick + 1 - CALM_SECONDS // HOUR) : tick + 1]
        known = np.isfinite(past)
        n = known.sum(axis=0)
        mean = np.where(known, past, 0.0).sum(axis=0) / np.maximum(n, 1)
        moved = {"": np.abs(mean), "up": mean, "down": -mean}[self.worse]
        # of silence nothing is known: it ends no page
        return bool(known.any() and (moved < self.tolerance / 2.0).all())

"""The shift of the mean vector at fixed mix, by the hour."""

from dataclasses import dataclass

import numpy as np

from monitor.core.stats import Floats, Ints
from monitor.drift.channels.base import CALM_SECONDS, NothingToLearnError, Window
from monitor.drift.engine import vectors
from monitor.drift.engine.detector import Evidence
from monitor.drift.engine.matching import HOUR, Calendar
from monitor.drift.engine.vectors import Clusters, Wording
from monitor.drift.signals import SignalKind

# how 32 dimensions wander together: with fewer hours every later one would look strange
HOURS_TO_LEARN = 3 * vectors.DIMENSIONS


def fit(
    kind: SignalKind, reference: Window, clusters: Clusters | None, calendar: Calendar
) -> "WordingChannel":
    """Raises NothingToLearnError."""
    found = reference.vectors
    if (
        found is None
        or clusters is None
        or int((found.calls >= vectors.LEAST_VECTORS).sum()) < HOURS_TO_LEARN
    ):
        message = (
            f"the reference has under {HOURS_TO_LEARN} hours with {vectors.LEAST_VECTORS} vectors of "
            f"{kind.source}s"
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
        return known.size > 0 and float(known.mean()) < float(self.high[0])

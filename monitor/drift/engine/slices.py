"""In which slice of the calls a signal moved: ranked by its own evidence, with all looks accounted for. Pure.

Each slice gives an e-value against "within the floor, or as the rest moved": at most 1 on average then. The largest
is told when it is ten times as large as slices were looked at, whatever they have in common; then the rest of the
calls is looked at again. Of shares those are told that stand out together (e-BH: Wang and Ramdas, 2022).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from monitor.core.stats import Floats
from monitor.drift.engine.detector import BETS, RATES

# calls of a session and of a user are alike: so much more variance than independent ones was measured at most
PHI = 2.5
# a slice with fewer calls is not looked at; of one that had fewer before, all calls of before are the measure
LEAST_CALLS, LEAST_EVENTS = 30, 3
# of a dimension so many values are looked at, the commonest
MOST_VALUES = 64
# how often a slice, or which share of those that are told together, may be there by chance
FALSE = 0.1
# more than that says nothing more
MOST_EVIDENCE = 99.0
CAUTION = 0.1


@dataclass(frozen=True, slots=True)
class Calls:
    """``values`` (n,) of the watched quantity, NaN where unknown; ``slices``: dimension → the value of each call."""

    values: Floats
    slices: Mapping[str, np.ndarray]

    def where(self, kept: np.ndarray) -> "Calls":
        return Calls(self.values[kept], {name: column[kept] for name, column in self.slices.items()})

    def without(self, dimension: str) -> "Calls":
        return Calls(self.values, {name: one for name, one in self.slices.items() if name != dimension})


@dataclass(frozen=True, slots=True)
class Question:
    """``floor``: the least effect that counts; ``ratio``: events, whose rates are compared as a ratio.

    ``side``: 1 only more counts, -1 only less, 0 both.
    """

    floor: float
    ratio: bool = False
    side: int = 0


@dataclass(frozen=True, slots=True)
class Moved:
    """A slice: the mean of its calls before and now, that of all others, and its evidence (log10 of its e-value).

    ``share``: of the calls of now. ``new``: it had hardly any calls before, so all calls of before are its measure.
    """

    dimension: str
    value: str
    before: float
    now: float
    rest_before: float
    rest_now: float
    share: float
    evidence: float
    new: bool = False


def moved(before: Calls, now: Calls, asked: Question, limit: int = 6) -> tuple[list[Moved], int]:
    """The slices that moved, the surest first, and how many were looked at."""
    before, now = (one.where(np.isfinite(one.values)) for one in (before, now))
    told: list[Moved] = []
    looks = 0
    while len(told) < limit and before.values.size and now.values.size:
        looked = [
            found
            for dimension in now.slices
            for value in _values(now.slices[dimension])
            if (found := _look(before, now, asked, dimension, value)) is not None
        ]
        looks = looks or len(looked)
        top = min(looked, key=lambda one: (-one.evidence, one.dimension, one.value), default=None)
        if top is None or top.evidence < np.log10(len(looked) / FALSE):
            break
        told.append(top)
        # a slice that overlaps this one must stand out by its other calls
        before, now = (one.where(one.slices[top.dimension] != top.value) for one in (before, now))
    return told, looks


def shares_moved(
    before: Mapping[str, Mapping[str, int]],
    now: Mapping[str, Mapping[str, int]],
    floor: float,
    limit: int = 6,
) -> list[tuple[str, str, float, float]]:
    """Of counts by dimension and value those whose share moved: dimension, value, share before and now."""
    looked = []
    for dimension, counts in now.items():
        old = before.get(dimension, {})
        n_old, n_new = sum(old.values()), sum(counts.values())
        if n_old < LEAST_CALLS or n_new < LEAST_CALLS:
            continue
        for value in sorted({*old, *counts}):
            p, q = old.get(value, 0) / n_old, counts.get(value, 0) / n_new
            pooled = (old.get(value, 0) + counts.get(value, 0) + 1) / (n_old + n_new + 2)
            error = float(np.sqrt(PHI * pooled * (1.0 - pooled) * (1.0 / n_old + 1.0 / n_new)))
            looked.append((_of_mean(q - p, error, Question(floor)), (dimension, value, p, q)))
    looked.sort(key=lambda one: (-one[0], one[1]))
    return [one for _, one in looked[: min(limit, _standing_out([evidence for evidence, _ in looked]))]]


def _values(column: np.ndarray) -> list[str]:
    names, counts = np.unique(column[column != ""].astype(str), return_counts=True)
    kept = np.flatnonzero(counts >= LEAST_CALLS)
    order = kept[np.argsort(-counts[kept], kind="stable")]
    return [str(names[place]) for place in order[:MOST_VALUES]]


def _look(before: Calls, now: Calls, asked: Question, dimension: str, value: str) -> Moved | None:
    inside, was = now.slices[dimension] == value, before.slices[dimension] == value
    new = int(was.sum()) < LEAST_CALLS
    here = Pair(before.values if new else before.values[was], now.values[inside])
    rest = Pair(before.values[~was], now.values[~inside])
    if min(rest.before.size, rest.now.size) < LEAST_CALLS:
        return None
    if asked.ratio and here.before.sum() + here.now.sum() < LEAST_EVENTS:
        return None
    evidence = _of_events(here, rest, asked) if asked.ratio else _of_means(here, rest, asked)
    return Moved(
        dimension, value, float(here.before.mean()), float(here.now.mean()), float(rest.before.mean()),
        float(rest.now.mean()), here.now.size / now.values.size, min(evidence, MOST_EVIDENCE), new,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pair:
    """Values of the same calls before and now."""

    before: Floats
    now: Floats

    @property
    def effect(self) -> float:
        return float(self.now.mean() - self.before.mean())

    def error(self, pooled: float) -> float:
        """Of the effect; few values that are all alike are not taken for ones that never differ."""
        parts = [
            (one.size * one.var() + pooled) / (one.size + 1.0) / one.size for one in (self.before, self.now)
        ]
        return float(np.sqrt(PHI * sum(parts)))


def _of_means(here: Pair, rest: Pair, asked: Question) -> float:
    """That it moved, and that it moved otherwise than the rest: the smaller of both e-values is one of either."""
    pooled = float(np.concatenate([here.before, here.now, rest.before, rest.now]).var())
    own, other = here.error(pooled), rest.error(pooled)
    apart = _of_mean(here.effect - rest.effect, float(np.hypot(own, other)), asked)
    return min(_of_mean(here.effect, own, asked), apart)


def _of_events(here: Pair, rest: Pair, asked: Question) -> float:
    """The same of events: more of them than the floor bears, and than the rest has."""
    # drawn towards no change, so that none at all before is no infinite rise
    usual = CAUTION * (rest.now.sum() + rest.before.sum() + 1.0) / (rest.now.size + rest.before.size)
    elsewhere = float((rest.now.mean() + usual) / (rest.before.mean() + usual))
    return _of_counts(here, asked.floor * max(1.0, elsewhere))


def _of_mean(effect: float, error: float, asked: Question) -> float:
    """log10 of the e-value of a difference beyond the floor, both sides betted on alike."""
    sides = [side for side in (1, -1) if asked.side in {0, side}]
    logs = np.array(
        [BETS * (side * effect - asked.floor) / max(error, 1e-9) - BETS**2 / 2.0 for side in sides]
    )
    return _mean_of_logs(logs)


def _of_counts(here: Pair, floor: float) -> float:
    """The same of a ratio of rates: of all events now's share is binomial, whatever the rate."""
    events, total = float(here.now.sum()), float(here.now.sum() + here.before.sum())
    n, n_before = here.now.size, here.before.size
    base = n * floor / (n * floor + n_before)
    shares = n * floor * RATES / (n * floor * RATES + n_before)
    logs = (events * np.log(shares / base) + (total - events) * np.log((1.0 - shares) / (1.0 - base))) / PHI
    return _mean_of_logs(logs)


def _mean_of_logs(logs: Floats) -> float:
    top = float(logs.max())
    return float((top + np.log(np.mean(np.exp(logs - top)))) / np.log(10.0))


def _standing_out(evidence: Sequence[float]) -> int:
    """How many of these (log10 of e-values, the largest first) may be told."""
    found = 0
    for place, one in enumerate(evidence, 1):
        if one >= np.log10(len(evidence) / (FALSE * place)):
            found = place
    return found

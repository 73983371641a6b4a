"""Classifier two-sample test: how well a reference call can be told from a current one; 0 not at all, 1 always."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from monitor.core.fields import Field
from monitor.core.sketches import Numbers, Sketch
from monitor.core.stats import Floats
from monitor.drift.detectors.base import Counted, Kind, Score, binned, need_counts

# a bin must hold so many calls of both sides together before it may vote
BINS = 24
# votes are drawn towards a draw by so many calls of either side
CAUTION = 20.0


class Classifier:
    """Bins (or categories) vote by what they held in one half of the calls, and are judged by the other half (Lopez-Paz 2017).

    The effect is twice the area under the curve minus one. It sees any change of shape, and says so in a
    figure that does not depend on the unit; small shifts need many calls.
    """

    fields: tuple[Field, ...] = ()
    kinds: tuple[Kind, ...] = ("numbers", "categories")
    unit = "2 AUC - 1"
    signed = False
    floor = 0.1
    least = 60
    false_alarms = 0.05

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = dict(settings)

    def distance(self, reference: Sketch, current: Sketch) -> Score:
        before, after = need_counts(self.least, reference, current)
        old, new = _filled(before, after)
        if (old / old.sum() == new / new.sum()).all():
            return Score(0.0, {"auc": 0.5})
        area = float(np.mean([_area(*halves) for halves in _folds(old, new)]))
        return Score(max(0.0, 2.0 * area - 1.0), {"auc": area})


def _filled(before: Counted, after: Counted) -> tuple[Floats, Floats]:
    """Both sides in bins of about equal mass; categories are their own."""
    if not isinstance(before, Numbers) or not isinstance(after, Numbers):
        return binned(before, after)
    grid = np.union1d(before.index, after.index)
    old, new = _counts(before, grid), _counts(after, grid)
    edges = _bins(old / old.sum() + new / new.sum())
    return np.add.reduceat(old, edges), np.add.reduceat(new, edges)


def _counts(sketch: Numbers, grid: np.ndarray) -> Floats:
    found = np.zeros(grid.size)
    found[np.searchsorted(grid, sketch.index)] = sketch.counts
    return found


def _bins(mass: Floats) -> np.ndarray:
    """Where bins of about equal mass begin."""
    place = np.minimum((np.cumsum(mass) - mass / 2.0) / mass.sum() * BINS, BINS - 1e-9).astype(int)
    found: np.ndarray = np.flatnonzero(np.concatenate([[True], np.diff(place) > 0]))
    return found


def _folds(old: Floats, new: Floats) -> list[tuple[Floats, Floats, Floats, Floats]]:
    """Two halves drawn without replacement, always the same way; each is taught by and judged by the other."""
    chance = np.random.default_rng(7)
    a_old, a_new = (_half(chance, one) for one in (old, new))
    b_old, b_new = old - a_old, new - a_new
    return [(a_old, a_new, b_old, b_new), (b_old, b_new, a_old, a_new)]


def _half(chance: np.random.Generator, counts: Floats) -> Floats:
    whole = np.rint(counts).astype(np.int64)
    drawn = chance.multivariate_hypergeometric(whole, int(whole.sum()) // 2, method="marginals")
    return np.asarray(drawn, dtype=np.float64)


def _area(taught_old: Floats, taught_new: Floats, old: Floats, new: Floats) -> float:
    """The area under the curve of the second half, with votes from the first."""
    p_old = (taught_old + CAUTION / BINS) / (taught_old.sum() + CAUTION)
    p_new = (taught_new + CAUTION / BINS) / (taught_new.sum() + CAUTION)
    order = np.argsort(np.log(p_new / p_old), kind="stable")
    old, new = old[order] / old.sum(), new[order] / new.sum()
    below = np.cumsum(old) - old
    return float((new * (below + old / 2.0)).sum())

"""How far two people, or many, agree beyond chance. Pure; unknown is NaN, never 1."""

from collections.abc import Sequence

import numpy as np

from monitor.core.stats import Floats


def cohen_kappa(one: Floats, other: Floats, *, categories: int = 6) -> float:
    """Cohen's kappa with quadratic weights on marks 0 … categories-1, paired by item.

    1: they agree; 0: as chance would have it. NaN without pairs, or where both always say the same one thing.
    """
    if not one.size:
        return float("nan")
    a, b = (np.clip(np.rint(values), 0, categories - 1).astype(int) for values in (one, other))
    seen = np.zeros((categories, categories))
    np.add.at(seen, (a, b), 1.0)
    seen /= seen.sum()
    by_chance = np.outer(seen.sum(axis=1), seen.sum(axis=0))
    apart = np.subtract.outer(np.arange(categories), np.arange(categories)) ** 2
    expected = float((apart * by_chance).sum())
    return 1.0 - float((apart * seen).sum()) / expected if expected > 0 else float("nan")


def krippendorff_alpha(units: Sequence[Sequence[float]]) -> float:
    """Krippendorff's alpha for interval data: ``units`` hold the marks of one item each, by however many people.

    Items with one mark say nothing. NaN where nothing was marked twice or all marks are the same.
    """
    paired = [np.asarray(unit, dtype=np.float64) for unit in units if len(unit) > 1]
    if not paired:
        return float("nan")
    every = np.concatenate(paired)
    n = every.size
    # mean squared difference of pairs within an item, each item weighted by its marks
    within = sum(_pairs(unit) / (unit.size - 1) for unit in paired) / n
    between = _pairs(every) / (n * (n - 1))
    return 1.0 - within / between if between > 0 else float("nan")


def _pairs(values: Floats) -> float:
    """The sum of squared differences over ordered pairs."""
    return float(2.0 * (values.size * np.square(values).sum() - values.sum() ** 2))

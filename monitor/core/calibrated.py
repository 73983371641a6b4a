"""What people would have said on average, from few labels and many judge scores (PPI++). Pure.

Angelopoulos, Duchi, Zrnic: "PPI++: Efficient Prediction-Powered Inference", 2023; with Student's t instead of
the normal, because there are often only 30 labels. The judge may be as biased as it likes: labels correct it,
and the interval holds. A useless judge costs nothing, since its weight goes to zero.
"""

import math
from dataclasses import dataclass

import numpy as np

from monitor.core.stats import Floats, Interval, t_quantile

# with fewer labels a mean is called uncalibrated
LEAST_LABELS = 30


@dataclass(frozen=True, slots=True)
class Calibrated:
    """``mean`` in the unit of the labels. ``weight``: how far the judge is believed, 0 to 1.

    ``worth``: how many plain labels each label is worth with this judge.
    """

    mean: float
    deviation: float
    labels: int
    judged: int
    weight: float
    worth: float

    def interval(self, level: float = 0.95) -> Interval:
        """For one look only (fixed n)."""
        half = t_quantile(0.5 + level / 2.0, self.labels - 1) * self.deviation
        return Interval(self.mean - half, self.mean + half)


class TooFewLabelsError(ValueError):
    """There are too few labels to correct a judge; says how many there are."""

    def __init__(self, labels: int) -> None:
        super().__init__(f"uncalibrated: {labels} labels; {LEAST_LABELS} are needed")
        self.labels = labels


def calibrate(labels: Floats, judged_there: Floats, judged_else: Floats) -> Calibrated:
    """Labels (n,) with the judge's scores of the same items (n,), and its scores of unlabelled ones (N,).

    The labelled items are a uniform random sample of the judged ones. Raises TooFewLabelsError.
    """
    n, others = labels.size, judged_else.size
    if n < LEAST_LABELS:
        raise TooFewLabelsError(n)
    plain = float(np.var(labels, ddof=1)) / n
    if others < 2:
        return Calibrated(float(labels.mean()), math.sqrt(plain), n, others, 0.0, 1.0)
    spread = float(np.var(np.concatenate([judged_there, judged_else]), ddof=1))
    shared = float(np.cov(labels, judged_there, ddof=1)[0, 1])
    weight = min(1.0, max(0.0, shared / ((1.0 + n / others) * spread))) if spread > 0 else 0.0
    mean = weight * float(judged_else.mean()) + float(np.mean(labels - weight * judged_there))
    variance = (
        float(np.var(labels - weight * judged_there, ddof=1)) / n
        + weight**2 * float(np.var(judged_else, ddof=1)) / others
    )
    worth = plain / variance if variance > 0 else 1.0
    return Calibrated(mean, math.sqrt(variance), n, others, weight, worth)

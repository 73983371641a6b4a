"""Population stability index over quantile bins of the reference, or over categories; known from credit scoring."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from monitor.core.fields import Field
from monitor.core.fields import gettext_noop as _
from monitor.core.sketches import Numbers, Sketch
from monitor.core.stats import Floats, Ints
from monitor.drift.detectors.base import Counted, Kind, Score, binned, need_counts

SMALLEST_SHARE = 1e-4


class PopulationStability:
    """Kept because people know its 0.1 and 0.2; it missed a daily shift of 30 % that a mean shows in hours."""

    fields: tuple[Field, ...] = (
        Field(
            "bins",
            _("Bins"),
            kind="integer",
            default=10,
            help=_("Quantile bins of the reference, 4 to 50. Categories are their own bins."),
        ),
    )
    kinds: tuple[Kind, ...] = ("numbers", "categories")
    unit = "PSI"
    signed = False
    floor = 0.1
    least = 100
    false_alarms = 0.05

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.bins = min(50, max(4, int(settings.get("bins") or 10)))

    def distance(self, reference: Sketch, current: Sketch) -> Score:
        before, after = need_counts(self.least, reference, current)
        p, q = (np.maximum(one / one.sum(), SMALLEST_SHARE) for one in self._binned(before, after))
        return Score(float(np.sum((q - p) * np.log(q / p))), {"bins": float(p.size)})

    def _binned(self, before: Counted, after: Counted) -> tuple[Floats, Floats]:
        if not isinstance(before, Numbers) or not isinstance(after, Numbers):
            return binned(before, after)
        cuts = np.unique(
            np.searchsorted(np.cumsum(before.counts) / before.n, np.arange(1, self.bins) / self.bins)
        )
        edges = before.index[np.minimum(cuts, before.index.size - 1)]
        return _held(before, edges), _held(after, edges)


def _held(sketch: Numbers, edges: Ints) -> Floats:
    counts = np.bincount(np.searchsorted(edges, sketch.index), sketch.counts, edges.size + 1)
    return counts.astype(np.float64)

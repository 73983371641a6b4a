"""Wasserstein distance: how far the mass must be carried, in standard deviations of the reference."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from monitor.core.fields import Field
from monitor.core.fields import gettext_noop as _
from monitor.core.sketches import LogSketch, Sketch
from monitor.drift.detectors.base import Score, need


class Wasserstein:
    """On logarithms by default: lengths are skewed, and one huge prompt must not outweigh a thousand others."""

    fields: tuple[Field, ...] = (
        Field(
            "scale", _("Scale"), kind="choice", choices=("log", "linear", "raw"), default="log",
            help=_("log compares factors (30 % longer), linear compares tokens."),
        ),
    )  # fmt: skip
    kind: Literal["numbers"] = "numbers"
    unit = "standard deviations"
    signed = False
    floor = 0.1
    least = 30
    false_alarms = 0.05

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.scale = settings.get("scale") or "log"
        if self.scale == "raw":
            # the well-known wasserstein_distance of articles: in tokens or seconds, and never calm
            self.unit = "unit of the feature"

    def distance(self, reference: Sketch, current: Sketch) -> Score:
        from scipy.stats import wasserstein_distance  # 1 s to import: workers only

        before, after = need(LogSketch, self.least, reference, current)
        x, y = (np.log(s.values) if self.scale == "log" else s.values for s in (before, after))
        mean = np.average(x, weights=before.counts)
        deviation = float(np.sqrt(np.average((x - mean) ** 2, weights=before.counts)))
        carried = float(wasserstein_distance(x, y, before.counts, after.counts))
        effect = carried if self.scale == "raw" else carried / max(deviation, 1e-9)
        return Score(effect, {"distance": carried, "reference_deviation": deviation})

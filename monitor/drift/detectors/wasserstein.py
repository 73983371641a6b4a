"""Wasserstein distance: how far the mass must be carried, in standard deviations of the reference."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from monitor.core.fields import Field
from monitor.core.fields import gettext_noop as _
from monitor.core.sketches import RealSketch, Sketch
from monitor.drift.detectors.base import Kind, Score, carried, need_numbers


class Wasserstein:
    """On logarithms by default: lengths are skewed, and one huge prompt must not outweigh a thousand others.

    Scores and log-probabilities are taken as they are.
    """

    fields: tuple[Field, ...] = (
        Field(
            "scale", _("Scale"), kind="choice", choices=("log", "linear"), default="log",
            help=_("log compares factors (30 % longer), linear compares tokens."),
        ),
    )  # fmt: skip
    kinds: tuple[Kind, ...] = ("numbers",)
    unit = "standard deviations"
    signed = False
    floor = 0.1
    least = 30
    false_alarms = 0.05

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.scale = settings.get("scale") or "log"

    def distance(self, reference: Sketch, current: Sketch) -> Score:
        before, after = need_numbers(self.least, reference, current)
        x, y = (s.positions if self.scale == "log" else s.values for s in (before, after))
        mean = np.average(x, weights=before.counts)
        deviation = float(np.sqrt(np.average((x - mean) ** 2, weights=before.counts)))
        if isinstance(before, RealSketch):
            deviation = before.deviation
        moved = carried(x, y, before, after)
        return Score(moved / max(deviation, 1e-9), {"distance": moved, "reference_deviation": deviation})

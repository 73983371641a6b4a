"""The `wasserstein_distance > 0.3` of articles: in the unit of the feature itself (tokens, seconds), not in deviations."""

from collections.abc import Mapping
from typing import Any

from monitor.core.fields import Field
from monitor.core.sketches import Sketch
from monitor.drift.detectors.base import Kind, Score, carried, need_numbers


class RawWasserstein:
    """For those who want that very number: a third of a token lies between any two hours of a healthy service.

    A rule on it (`python manage.py rules import wasserstein`) fires always; in simulated benign months it was true
    in every hour. Its own state is still told from what the reference shows to be normal.
    """

    fields: tuple[Field, ...] = ()
    kinds: tuple[Kind, ...] = ("numbers",)
    unit = "unit of the feature"
    signed = False
    floor = 0.3
    least = 30
    false_alarms = 0.05

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = dict(settings)

    def distance(self, reference: Sketch, current: Sketch) -> Score:
        before, after = need_numbers(self.least, reference, current)
        return Score(carried(before.values, after.values, before, after), {})

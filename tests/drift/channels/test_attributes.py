"""Attributes of calls, measured in standard deviations of the reference."""

import numpy as np
import pytest

from monitor.core.stats import Floats
from monitor.drift import channels
from monitor.drift.bodies import TICKS, Body
from monitor.drift.channels import Window
from monitor.drift.engine.matching import Calendar
from monitor.drift.signals import kind_of
from monitor.drift.stages import Maturity

CALLS = 1000


def window(first: int, means: Floats) -> Window:
    """Hours of a thousand calls each."""
    bodies = [
        Body(CALLS, {"number:temperature": [CALLS, CALLS * mean, CALLS * mean**2]}) for mean in means.tolist()
    ]
    hours = np.arange(first, first + len(bodies))
    return Window(hours, bodies, (), np.full(TICKS * len(bodies), CALLS / TICKS))


@pytest.mark.parametrize(("mean", "moves"), [(0.0007, False), (0.7, True)])
def test_a_single_call_moves_no_attribute_that_has_always_been_nothing(mean: float, *, moves: bool) -> None:
    kind = kind_of("number:temperature")
    known = channels.fit(kind, window(0, np.zeros(336)), Calendar(), Maturity.FULL, None)
    judged = known.judge(window(336, np.full(6, mean)))
    evidence = known.evidence()
    for tick in range(6):
        judged.take(evidence, tick)
    assert (evidence.total > 1e6) is moves

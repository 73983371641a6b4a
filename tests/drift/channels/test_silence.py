"""Hours without calls say nothing: they end no page."""

import numpy as np
import pytest

from monitor.drift.channels.means import JudgedMeans
from monitor.drift.channels.rates import JudgedRates
from monitor.drift.channels.wording import JudgedWording
from monitor.drift.engine.means import Effects

TICKS = 100
ENDS = np.arange(TICKS)
ONE = np.ones(1)


@pytest.mark.parametrize(("effect", "calm"), [(np.nan, False), (0.0, True), (0.3, False)])
def test_a_mean_is_calm_where_a_small_effect_is_known(effect: float, calm: bool) -> None:
    x = np.full((TICKS, 1), effect)
    judged = JudgedMeans(ENDS, x, -ONE, ONE, x, Effects(x, x), np.array([0.1]))
    assert judged.calm(TICKS - 1) is calm


@pytest.mark.parametrize(("effect", "calm"), [(-0.3, True), (0.3, False)])
def test_what_got_better_is_calm_where_only_worse_counts(effect: float, calm: bool) -> None:
    x = np.full((TICKS, 1), effect)
    judged = JudgedMeans(ENDS, x, -ONE, ONE, x, Effects(x, x), np.array([0.1]), "up")
    assert judged.calm(TICKS - 1) is calm


@pytest.mark.parametrize(("calls", "calm"), [(0.0, False), (100.0, True)])
def test_a_rate_is_calm_where_calls_were_expected(calls: float, calm: bool) -> None:
    none, usual = np.zeros(TICKS), np.full(TICKS, calls / 100)
    judged = JudgedRates(ENDS, none[:, None], ONE, ONE * 1.5, none, usual, none + 1, (none, usual))
    assert judged.calm(TICKS - 1) is calm


@pytest.mark.parametrize(("effect", "calm"), [(np.nan, False), (0.1, True), (2.0, False)])
def test_a_wording_is_calm_where_a_small_shift_is_known(effect: float, calm: bool) -> None:
    x = np.full(TICKS, effect)
    assert JudgedWording(ENDS, x[:, None], np.zeros(1), ONE, x).calm(TICKS - 1) is calm

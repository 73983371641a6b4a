import numpy as np
import pytest

from monitor.drift.engine import counts
from monitor.drift.engine.counts import Ticks


def ticks(days: int, rate: float, *, wander: float = 0.0, seed: int = 1) -> Ticks:
    chance = np.random.default_rng(seed)
    at = np.arange(days * 288)
    n = np.full(at.size, 500.0)
    level = np.repeat(chance.normal(0.0, wander, days * 24), 12)
    return Ticks(at, n, chance.poisson(n * rate * np.exp(level)).astype(float), at // 12 % 24)


def test_a_steady_rate_keeps_the_floor_as_its_limit() -> None:
    fitted = counts.fit(ticks(14, 0.01), 24, 1.5, 2.0)
    assert fitted.ratio == 1.5
    assert fitted.wander < 0.1


def test_a_rate_that_wanders_by_the_hour_is_given_more_room() -> None:
    fitted = counts.fit(ticks(14, 0.05, wander=0.4), 24, 1.5, 2.0)
    assert fitted.wander == pytest.approx(0.4, abs=0.1)
    assert fitted.ratio > 1.8


def test_the_matched_rate_follows_the_hour() -> None:
    base = ticks(14, 0.01)
    night = base.cell < 6
    reference = Ticks(base.at, base.n, np.where(night, base.events * 3, base.events), base.cell)
    fitted = counts.fit(reference, 24, 1.5, 2.0)
    assert fitted.rate[2] / fitted.rate[12] == pytest.approx(3.0, rel=0.2)


def test_a_cell_without_any_call_in_the_reference_expects_nothing_known() -> None:
    fitted = counts.fit(ticks(14, 0.01), 25, 1.5, 2.0)
    later = Ticks(np.array([0]), np.array([100.0]), np.array([50.0]), np.array([24]))
    assert np.isnan(fitted.expected(later)).all()
    assert np.isnan(fitted.effect(later))


def test_the_effect_is_observed_over_usual() -> None:
    fitted = counts.fit(ticks(14, 0.01), 24, 1.5, 2.0)
    assert fitted.effect(ticks(1, 0.03, seed=2)) == pytest.approx(3.0, rel=0.1)

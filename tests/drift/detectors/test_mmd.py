import numpy as np

from monitor.core.sketches import LogSketch
from tests.kits.detector import made


def lengths(n: int, seed: int, spread: float = 0.8) -> LogSketch:
    return LogSketch.of(np.random.default_rng(seed).lognormal(6, spread, n))


def test_the_effect_of_calm_windows_does_not_depend_on_their_size() -> None:
    detector, reference = made("mmd"), lengths(20_000, 1)
    small = np.mean([detector.distance(reference, lengths(60, seed)).effect ** 2 for seed in range(2, 42)])
    assert small < 0.02


def test_two_humps_with_the_same_mean_are_seen() -> None:
    chance = np.random.default_rng(2)
    humps = np.concatenate([chance.lognormal(5, 0.2, 1000), chance.lognormal(7, 0.2, 1000)])
    assert made("mmd").distance(lengths(5000, 1), LogSketch.of(humps)).effect > 0.2

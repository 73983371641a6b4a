import numpy as np
import pytest

from monitor.drift.engine.detector import limit_for
from monitor.drift.evidence import CALM_TICKS_TO_RESOLVE, Evidence

LIMIT = limit_for(3, 3600)


def test_one_bad_hour_alone_cannot_page() -> None:
    evidence = Evidence()
    evidence.step(1e9, outside=True, limit=LIMIT)
    assert not evidence.paged
    assert evidence.value(LIMIT) < 1


def test_a_large_lasting_shift_pages_in_the_second_hour() -> None:
    evidence = Evidence()
    for _ in range(2):
        evidence.step(5.0, outside=True, limit=LIMIT)
    assert (evidence.paged, evidence.value(LIMIT)) == (True, 1.0)


def test_a_small_lasting_shift_pages_in_the_end() -> None:
    evidence, chance = Evidence(), np.random.default_rng(1)
    for _ in range(60):
        evidence.step(1.0 + chance.normal(), outside=True, limit=LIMIT)
    assert evidence.paged


def test_ninety_calm_days_at_the_edge_of_tolerance_seldom_page() -> None:
    paged = 0
    for seed in range(20):
        evidence, chance = Evidence(), np.random.default_rng(seed)
        for z in chance.normal(0.0, 1.0, 720):
            evidence.step(z, outside=z > 0, limit=LIMIT)
            paged += evidence.paged
            evidence.paged = False
    assert paged <= 6


def test_a_page_is_open_until_enough_calm_ticks_in_a_row() -> None:
    evidence = Evidence(paged=True)
    for _ in range(CALM_TICKS_TO_RESOLVE - 1):
        evidence.step(-3.0, outside=False, limit=LIMIT)
    assert evidence.value(LIMIT) == 1.0
    evidence.step(-3.0, outside=False, limit=LIMIT)
    assert not evidence.paged


def test_the_state_survives_json() -> None:
    evidence = Evidence()
    evidence.step(2.0, outside=True, limit=LIMIT)
    assert Evidence.from_json(evidence.to_json()).to_json() == evidence.to_json()


@pytest.mark.parametrize("broken", [{}, {"bets": [1.0]}])
def test_a_state_of_another_shape_starts_anew(broken: dict[str, object]) -> None:
    assert Evidence.from_json(broken).to_json() == Evidence().to_json()

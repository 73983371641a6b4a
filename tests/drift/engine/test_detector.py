import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from monitor.drift.engine.detector import HOLD_SECONDS, Alarm, Evidence, limit_for

LIMIT = limit_for(8, 3600.0)


def test_the_budget_is_one_page_in_90_days_for_all_detectors_together() -> None:
    assert limit_for(8, 3600.0) == 8 * 24 * 90


def test_one_bad_hour_alone_cannot_page() -> None:
    evidence = Evidence.of(1)
    evidence.excess(np.array([1e9]))
    assert evidence.total < LIMIT


def test_a_lasting_shift_pages_within_hours() -> None:
    evidence = Evidence.of(2)
    for _ in range(4):
        evidence.excess(np.array([3.0, -5.0]))
    assert evidence.total > LIMIT


def test_on_average_calm_noise_gains_no_more_than_a_tick_per_tick() -> None:
    noise = np.random.default_rng(3).normal(size=(400, 60))
    totals = []
    for path in noise:
        evidence = Evidence.of(1)
        for z in path:
            evidence.excess(np.array([z]))
        totals.append(evidence.total)
    assert np.median(totals) < 60


def test_what_is_unknown_leaves_the_evidence_as_it_was() -> None:
    evidence = Evidence.of(2)
    evidence.excess(np.array([2.0, 2.0]))
    before = evidence.by_stream
    evidence.excess(np.array([np.nan, -5.0]))
    assert evidence.by_stream[0] == before[0]
    assert evidence.by_stream[1] < before[1]


def test_counts_at_the_expected_rate_do_not_page_and_three_times_as_many_do() -> None:
    calm, bad = Evidence.of(1), Evidence.of(1)
    one, chance = np.ones(1), np.random.default_rng(5)
    for _ in range(288):
        calm.counts(chance.poisson(4.0, 1).astype(float), np.array([6.0]), one)
        bad.counts(chance.poisson(12.0, 1).astype(float), np.array([6.0]), one)
    assert calm.total < LIMIT < bad.total


@given(st.lists(st.lists(st.floats(0, 1e12), min_size=5, max_size=5), min_size=1, max_size=4))
def test_evidence_survives_being_written_down(bets: list[list[float]]) -> None:
    kept = Evidence.from_json(Evidence(np.array(bets)).to_json())
    np.testing.assert_allclose(kept.bets, np.array(bets), rtol=1e-8)


def paged_at(at: float) -> tuple[Alarm, Evidence]:
    evidence, alarm = Evidence(np.full((1, 5), LIMIT * 2)), Alarm()
    assert alarm.step(evidence, LIMIT, at, calm=False) == "page"
    return alarm, evidence


def test_a_page_empties_the_evidence_and_stays_open_while_the_effect_lasts() -> None:
    alarm, evidence = paged_at(0.0)
    assert evidence.total == 0.0
    assert alarm.step(evidence, LIMIT, HOLD_SECONDS * 4, calm=False) == "page"


def test_a_page_cannot_flap() -> None:
    alarm, evidence = paged_at(0.0)
    assert alarm.step(evidence, LIMIT, HOLD_SECONDS - 1.0, calm=True) == "page"
    assert alarm.step(evidence, LIMIT, HOLD_SECONDS, calm=True) == "ok"


def test_a_warning_comes_at_seven_tenths_of_the_way() -> None:
    evidence = Evidence(np.full((1, 5), math.exp(0.75 * math.log(LIMIT))))
    assert Alarm().step(evidence, LIMIT, 0.0, calm=False) == "warning"


def test_the_rise_began_when_the_evidence_last_left_nothing() -> None:
    alarm, evidence = Alarm(), Evidence.of(1)
    for hour, z in enumerate([-3.0, -3.0, 2.0, 2.0]):
        evidence.excess(np.array([z]))
        alarm.step(evidence, LIMIT, hour * 3600.0, calm=False)
    assert alarm.rising_since == 2 * 3600.0

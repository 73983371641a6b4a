"""Planted worlds: what moved with an alert is found with its lag, and nothing is found where nothing did."""

import numpy as np
import pytest

from monitor.engines.together import Company, Floats, moves, search
from tests.engines.test_hints import ou

STEP = 30.0
TIMES = np.arange(0, 48 * 3600.0, STEP)
ONSET = float(TIMES[-1]) - 1500
CANDIDATES, WORLDS = 12, 40


def event(start: float) -> Floats:
    return np.clip((TIMES - start) / 60, 0, 1)


def latency(rng: np.random.Generator, *, season: float = 0.0) -> Floats:
    wave = season * np.sin(2 * np.pi * TIMES / 86_400 + 1)
    return 1 + wave + ou(rng, TIMES, 4, 0.1) + rng.normal(0, 0.03, len(TIMES)) + 0.8 * event(ONSET)


def strangers(rng: np.random.Generator, *, season: float = 0.0) -> dict[str, Floats]:
    """Series with unrest of every kind, that know nothing of the latency but the hour of day."""
    found = {}
    for one in range(CANDIDATES):
        wave = season * rng.uniform(0.5, 2) * np.sin(2 * np.pi * TIMES / 86_400 + 1)
        line = 3 + wave + ou(rng, TIMES, rng.uniform(1, 30), 0.2) + rng.normal(0, 0.05, len(TIMES))
        if one % 5 == 0:  # now and then it leaps for a quarter of an hour
            for start in rng.uniform(0, TIMES[-1], 6):
                line += 2 * ((start <= TIMES) & (start + 900 > TIMES))
        found[f"stranger {one}"] = line
    return found


@pytest.mark.parametrize("season", [0.0, 0.5], ids=["independent noise", "a shared season"])
def test_nothing_moved_with_it_is_said_in_at_least_95_of_100_worlds(season: float) -> None:
    found = 0
    for seed in range(WORLDS):
        rng = np.random.default_rng(seed)
        found += bool(search(TIMES, latency(rng, season=season), ONSET, strangers(rng, season=season)).moved)
    assert found <= 0.05 * WORLDS


@pytest.mark.parametrize("lead", [60.0, 0.0, 240.0, -30.0])
def test_a_throttle_is_found_first_with_its_lag(lead: float) -> None:
    first = 0
    for seed in range(8):
        rng = np.random.default_rng(seed)
        company = search(TIMES, latency(rng, season=0.3), ONSET, {
            "throttle": event(ONSET - lead), **strangers(rng, season=0.3),
        })  # fmt: skip
        top = company.moved[0] if company.moved else None
        first += top is not None and top.key == "throttle" and abs(top.lag - lead) <= STEP
    assert first >= 7


def found(**lines: Floats) -> Company:
    return search(TIMES, latency(np.random.default_rng(1)), ONSET, lines)


def test_a_companion_is_told_with_its_figures() -> None:
    (moved,) = found(queue=2 + 10 * event(ONSET - 60)).moved
    assert (moved.before, moved.now) == (2, 12)
    assert moved.r > 0.5


def test_a_fall_counts_as_much_as_a_rise() -> None:
    assert found(clock=2 - event(ONSET)).moved[0].r < -0.5


def test_what_always_goes_along_but_stayed_calm_now_is_not_told() -> None:
    rng = np.random.default_rng(2)
    shared = ou(rng, TIMES, 4, 0.3)
    company = search(TIMES, 1 + shared + 0.8 * event(ONSET), ONSET, {"load": 5 + shared})
    assert company.moved == ()


def test_an_alert_whose_series_did_not_move_says_so() -> None:
    calm = 1 + ou(np.random.default_rng(1), TIMES, 4, 0.1)
    assert search(TIMES, calm, ONSET, {"x": event(ONSET)}).verdict == "unclear"


def test_too_short_a_past_says_so() -> None:
    rng = np.random.default_rng(1)
    last = slice(-360, None)
    lines = {key: line[last] for key, line in strangers(rng).items()}
    assert search(TIMES[last], latency(rng)[last], ONSET, lines).verdict == "short"


@pytest.mark.parametrize("minutes", [12, 25, 40])
def test_an_event_of_minutes_is_found_however_long_its_cause_lasts(minutes: int) -> None:
    onset = float(TIMES[-1]) - minutes * 60
    hit = 0
    for seed in range(8):
        rng = np.random.default_rng(seed)
        slow = 1 + ou(rng, TIMES, 4, 0.1) + 0.8 * np.clip((TIMES - onset) / 60, 0, 1)
        pulse: Floats = np.float64(1) * ((onset - 60 <= TIMES) & (onset + 240 > TIMES))
        moved = search(TIMES, slow, onset, {"xid": pulse, **strangers(rng)}).moved
        hit += any((one.key, one.lag, one.before, one.now) == ("xid", 60, 0, 1) for one in moved)
    assert hit == 8


def test_events_that_come_all_the_time_are_not_held_against_it() -> None:
    rng = np.random.default_rng(3)
    pulses = np.zeros(len(TIMES))
    pulses[rng.integers(0, len(TIMES), 100)] = 1
    pulses[TIMES == ONSET] = 1
    assert found(xid=pulses).moved == ()


def test_a_service_with_quiet_nights_is_looked_into() -> None:
    hour = TIMES / 3600 % 24
    rng = np.random.default_rng(4)
    known = np.where((hour < 11) & (ONSET - 5400 > TIMES), np.nan, latency(rng))
    lines = {"throttle": event(ONSET - 60), **strangers(rng)}
    assert search(TIMES, known, ONSET, lines).moved[0].key == "throttle"
    unheard = np.where(ONSET - 600 < TIMES, np.nan, known)
    assert search(TIMES, unheard, ONSET, lines).verdict == "unknown"


def test_flat_and_mostly_unknown_series_are_not_tested() -> None:
    assert moves(np.zeros(500), STEP) is None
    assert moves(np.where(np.arange(500) < 250, np.nan, 1.0), STEP) is None
    company = found(flat=np.zeros(len(TIMES)))
    assert (company.verdict, company.tested) == ("nothing", 0)

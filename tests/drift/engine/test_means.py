import numpy as np

from monitor.core.stats import Floats
from monitor.drift.engine import means
from monitor.drift.engine.detector import Evidence, limit_for
from monitor.drift.engine.matching import Calendar
from monitor.drift.engine.means import Hours, Normal

CALENDAR = Calendar()
REFERENCE = 14 * 24
LIMIT = limit_for(8, 3600.0)


def lengths(days: int, *, calls: int = 400, daily: float = 0.3, wander: float = 0.0, seed: int = 1) -> Hours:
    """Log lengths by the hour: a daily cycle, and a wander of whole days."""
    chance = np.random.default_rng(seed)
    at = np.arange(days * 24)
    centre = 6.0 + daily * np.cos(at / 24 * 2 * np.pi) + np.repeat(chance.normal(0, wander, days), 24)
    values = chance.normal(centre[:, None], 0.8, (at.size, calls))
    n = np.full((at.size, 1), float(calls))
    return Hours(at, n, values.sum(axis=1, keepdims=True), (values**2).sum(axis=1, keepdims=True))


def normal_of(hours: Hours, floor: float) -> Normal:
    reference = hours.part(hours.at < REFERENCE)
    return means.fit(reference, CALENDAR.cells(reference.at), CALENDAR.days(reference.at), floor)


def moved(hours: Hours, by: float, since: int) -> Hours:
    shift = np.where(hours.at >= since, by, 0.0)[:, None]
    total = hours.total + shift * hours.n
    return Hours(hours.at, hours.n, total, hours.squares + 2 * shift * hours.total + shift**2 * hours.n)


def highest(hours: Hours, floor: float) -> tuple[float, Floats]:
    """The most evidence of any hour after the reference, and the evidence per stream then."""
    normal = normal_of(hours, floor)
    later = hours.part(hours.at >= REFERENCE)
    evidence, most, streams = Evidence.of(2 * hours.n.shape[1]), 0.0, np.zeros(0)
    for z in normal.excess(normal.effects(later, CALENDAR.cells(later.at))):
        evidence.excess(z)
        if evidence.total > most:
            most, streams = evidence.total, evidence.by_stream
    return most, streams


def test_independent_calls_leave_no_wander_and_no_extra_noise() -> None:
    normal = normal_of(lengths(28), 0.1)
    assert normal.phi[0] < 1.2
    assert normal.tau2[0] ** 0.5 < 0.02
    assert normal.tolerance[0] == 0.1


def test_days_that_differ_widen_what_is_tolerated() -> None:
    normal = normal_of(lengths(28, wander=0.1, seed=4), 0.1)
    assert 0.15 < normal.tolerance[0] < 0.6


def test_a_daily_cycle_is_not_drift() -> None:
    assert highest(lengths(44, daily=0.5), 0.1)[0] < LIMIT / 100


def test_a_million_calls_cannot_page_on_one_percent() -> None:
    hours = moved(lengths(28, calls=4000), 0.01, REFERENCE)
    assert highest(hours, 0.1)[0] < LIMIT / 100


def test_a_third_more_is_found_and_its_direction_known() -> None:
    most, streams = highest(moved(lengths(28), 0.26, 20 * 24), 0.1)
    assert most > LIMIT
    assert streams[0] > streams[1]


def mix(days: int, extra: float, since: int) -> Hours:
    chance = np.random.default_rng(8)
    at = np.arange(days * 24)
    shares = np.tile([0.5, 0.3, 0.15, 0.05], (at.size, 1))
    shares[at >= since] *= 1.0 - extra
    shares[at >= since, 3] += extra
    return Hours.of_shares(at, np.array([chance.multinomial(500, share) for share in shares], dtype=float))


def test_a_topic_that_grows_is_named() -> None:
    most, streams = highest(mix(21, 0.10, 18 * 24), 0.03)
    assert most > LIMIT
    assert int(streams.argmax()) == 3


def test_a_steady_mix_stays_quiet() -> None:
    assert highest(mix(44, 0.0, 0), 0.03)[0] < LIMIT / 100


def test_an_hour_with_too_few_calls_says_nothing() -> None:
    hours = lengths(21, calls=3)
    normal = normal_of(hours, 0.1)
    effects = normal.effects(hours, CALENDAR.cells(hours.at))
    assert np.isnan(effects.x).all()
    assert np.isnan(normal.excess(effects)).all()


def test_a_stratum_never_seen_is_compared_with_the_same_hour_of_other_days() -> None:
    weekdays = lengths(21)
    kept = weekdays.part(CALENDAR.strata(weekdays.at) < 24)
    normal = normal_of(kept, 0.1)
    effects = normal.effects(weekdays, CALENDAR.cells(weekdays.at))
    assert np.isfinite(effects.x).all()
    assert abs(float(effects.x.mean())) < 0.02

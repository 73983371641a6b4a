"""Each hint speaks where it should, and hardly ever in worlds in which nothing is the matter."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.signal import lfilter

from monitor.engines import hints
from monitor.engines.hints import Floats, Hint, Seen
from monitor.engines.trend import slope_of

TIMES = np.arange(0, 6 * 3600.0 + 1, 60)
HIT_TIMES = np.arange(0, 24 * 3600.0 + 1, 300)
WORLDS = 200


def ou(rng: np.random.Generator, times: Floats, minutes: float, sd: float) -> Floats:
    """Unrest with a memory of so many minutes."""
    phi = np.exp(-(times[1] - times[0]) / (60 * minutes))
    shocks = rng.normal(0, sd * np.sqrt(1 - phi**2), len(times))
    found: Floats = lfilter([1.0], [1.0, -phi], shocks, zi=[phi * rng.normal(0, sd)])[0]
    return found


def quiet(seed: int) -> Seen:
    """A load with its hour of day, slow and quick unrest, bursts that wait a moment, now and then a preemption."""
    rng = np.random.default_rng(seed)
    hour = rng.uniform(0, 24)
    day = np.sin(2 * np.pi * (TIMES / 3600 + hour) / 24)
    load = 1 + rng.uniform(0, 0.5) * day + ou(rng, TIMES, rng.uniform(3, 40), rng.uniform(0.02, 0.15))
    kv = np.clip(rng.uniform(0.2, 0.55) * load + rng.normal(0, 0.02, len(TIMES)), 0.01, 0.97)
    bursts = rng.random(len(TIMES)) < rng.uniform(0, 0.15)
    season = 0.6 + 0.05 * np.sin(2 * np.pi * HIT_TIMES / 86_400 + hour)
    lines: dict[str, Floats] = {
        "kv": kv, "running": np.clip(20 * load, 0, 64).round(), "waiting": (bursts * rng.poisson(3, len(TIMES))).astype(np.float64),
        "gpu": np.clip(rng.uniform(0.3, 0.9) * load, 0, 1), "throttled": (rng.random(len(TIMES)) < 0.02).astype(np.float64),
        "preemptions": (rng.random(len(TIMES)) < 0.01).astype(np.float64) / 60,
    }  # fmt: skip
    return Seen(TIMES, lines, HIT_TIMES, season + ou(rng, HIT_TIMES, 20, rng.uniform(0.01, 0.05)))


def test_quiet_worlds_stay_silent() -> None:
    said = [hint.kind for seed in range(WORLDS) for hint in hints.look(quiet(seed))]
    assert len(said) <= 0.02 * WORLDS, said


def seen(**lines: object) -> Seen:
    rng = np.random.default_rng(7)
    return Seen(TIMES, {
        name: np.asarray(line, dtype=float) * np.ones(len(TIMES)) + rng.normal(0, 0.001, len(TIMES)) * (name in {"kv", "gpu"})
        for name, line in lines.items()
    })  # fmt: skip


def growing(per_hour: float, *, noise: float, seed: int = 0) -> Seen:
    rng = np.random.default_rng(seed)
    rise = np.clip(TIMES - TIMES[-1] + 4000, 0, None) / 3600 * per_hour
    kv = 0.3 + rise + ou(rng, TIMES, 3, noise)
    return Seen(TIMES, {"kv": kv})


def test_a_growing_cache_says_when_it_is_full() -> None:
    truths = 0
    for seed in range(40):
        hint = hints.filling(growing(0.5, noise=0.02, seed=seed))
        truth = (1 - 0.3 - 0.5 * 4000 / 3600) / 0.5 * 3600
        truths += hint is not None and hint.evidence["soonest"] <= truth <= hint.evidence["latest"]
    assert truths >= 36


@pytest.mark.parametrize("world", [
    growing(0.05, noise=0.02),  # would take many hours
    growing(0.5, noise=0.3),  # no clear trend
    seen(kv=np.where(TIMES[-1] - 1800 > TIMES, 0.3, 0.6)),  # one step up
    seen(kv=0.3 + 0.5 * np.abs(np.sin(TIMES / 3600))),  # was as high before
    seen(running=5),
], ids=["slow", "noisy", "step", "wave", "untold"])  # fmt: skip
def test_no_clear_growth_says_nothing(world: Seen) -> None:
    assert hints.filling(world) is None


FULL = {"waiting": 12, "running": 64, "gpu": 0.6, "kv": 0.5}


@pytest.mark.parametrize("rule, fires, silent", [
    (hints.batch_bound, FULL, FULL | {"gpu": 0.95}),
    (hints.batch_bound, FULL, FULL | {"kv": 0.97}),
    (hints.batch_bound, FULL, FULL | {"waiting": 0}),
    (hints.batch_bound, FULL, FULL | {"running": np.where(TIMES[-1] - 900 > TIMES, 64, 40)}),
    (hints.batch_bound, FULL, FULL | {"gpu": np.nan}),
    (hints.batch_bound, FULL | {"gpu": 0.12, "busiest": 0.2}, FULL | {"gpu": 0.12, "busiest": 0.96}),
    (hints.machine_bound, FULL | {"gpu": 0.97}, FULL),
    (hints.cache_bound, FULL | {"kv": 0.99}, FULL),
    (hints.stuck, FULL | {"gpu": 0.0}, FULL),
    (hints.stuck, FULL | {"gpu": 0.0}, FULL | {"gpu": np.nan}),
    (hints.slowed, FULL | {"throttled": 1}, FULL | {"throttled": 0}),
    (hints.slowed, FULL | {"throttled": 1}, FULL | {"throttled": 1, "running": 0}),
    (hints.preempting, {"preemptions": 0.05, "kv": 0.97}, {"preemptions": 0.05, "kv": 0.5}),
    (hints.preempting, {"preemptions": 0.05, "kv": 0.97}, {"preemptions": 0.001, "kv": 0.97}),
    (hints.preempting, {"retracted": 2, "kv": 0.97}, {"retracted": 0, "kv": 0.97}),
])  # fmt: skip
def test_a_rule_speaks_on_its_own_evidence_only(
    rule: Callable[[Seen], Hint | None], fires: dict[str, object], silent: dict[str, object]
) -> None:
    assert rule(seen(**fires)) is not None
    assert rule(seen(**silent)) is None


def hitting(now: float) -> Seen:
    rng = np.random.default_rng(3)
    hits = 0.6 + rng.normal(0, 0.02, len(HIT_TIMES))
    hits[-8:] += now - 0.6
    return Seen(TIMES, {}, HIT_TIMES, hits)


def test_a_fallen_hit_rate_is_told_and_a_little_less_is_not() -> None:
    fallen = hints.colder(hitting(0.3))
    assert fallen is not None
    assert fallen.evidence["now"] == pytest.approx(0.3, abs=0.03)
    assert hints.colder(hitting(0.55)) is None


def test_nothing_known_says_nothing() -> None:
    assert hints.look(Seen(np.empty(0), {})) == []
    assert hints.look(seen(**dict.fromkeys(("kv", "waiting", "running", "gpu", "preemptions"), np.nan))) == []


def test_a_slope_needs_most_of_its_time() -> None:
    values = np.where(TIMES[-1] * 0.7 > TIMES, np.nan, TIMES)
    assert slope_of(TIMES, values) is None
    found = slope_of(TIMES, TIMES * 2.0)
    assert found is not None
    assert found.value == pytest.approx(2)

"""Made-up services with two versions of which the truth is known, as the sums that gates judge. Seeded.

Users differ in how slow and how faulty their calls are, and stay with one version unless ``sticky`` is off.
"""

from dataclasses import dataclass

import numpy as np

from monitor.canary import sums
from monitor.canary.kinds import USUAL
from monitor.canary.paths import Gate, Plan
from monitor.canary.sums import Arm, Body, Wanted

LEAD = 36
USUAL_GATES = tuple(Gate(kind, kind, needed=needed) for kind, needed in USUAL)
HARD, EASY = "hard", "easy"


@dataclass(frozen=True)
class World:
    """``size`` buckets of ``per_bucket`` calls, ``LEAD`` of them before the release.

    ``steps``: from which bucket of the release on which share of the users (or calls) has the new version.
    ``users_sd``, ``faults_sd``: how users differ, in logarithms. ``shock``: buckets of the release in which both
    versions are three times as slow and fail at 30 %. ``night``: the least traffic, of the most. ``hard``: the
    share of hard prompts (slower by half, three times the errors) in either version.
    """

    users: int = 1000
    per_bucket: float = 300.0
    size: int = LEAD + 180
    steps: tuple[tuple[int, float], ...] = ((0, 0.05),)
    sticky: bool = True
    users_sd: float = 0.5
    faults_sd: float = 0.8
    busier: float = 0.0
    errors: float = 0.02
    shock: tuple[int, int] = (0, 0)
    night: float = 1.0
    hard: tuple[float, float] | None = None
    judged: float = 0.1
    times_errors: float = 1.0
    times_latency: float = 1.0
    points: float = 0.0


def plan(world: World, alpha: float = 0.05) -> Plan:
    begins = tuple(LEAD + at for at, _ in world.steps)
    return Plan(alpha, begins, len(begins), world.steps[0][1])


def bodies(world: World, seed: int) -> list[Body]:
    """The sums of every bucket."""
    chance = np.random.default_rng(seed)
    slow = chance.normal(0.0, world.users_sd, world.users)
    faulty = np.exp(chance.normal(0.0, world.faults_sd, world.users) - world.faults_sd**2 / 2)
    often = (np.arange(world.users) + 1.0) ** -world.busier
    often = chance.permutation(often) / often.sum()
    volume = world.per_bucket * (
        1.0 - (1.0 - world.night) * 0.5 * (1.0 - np.cos(np.arange(world.size) / 288 * 2 * np.pi))
    )
    bucket = np.repeat(np.arange(world.size), chance.poisson(volume))
    user = chance.choice(world.users, bucket.size, p=often)
    canary = _canary(world, bucket, user, chance)
    hard = np.zeros(bucket.size, dtype=bool)
    if world.hard is not None:
        hard = chance.random(bucket.size) < np.where(canary, world.hard[1], world.hard[0])
    shocked = (bucket >= LEAD + world.shock[0]) & (bucket < LEAD + world.shock[1])
    seconds = np.exp(slow[user] + chance.normal(0.0, 0.4, bucket.size))
    seconds *= (
        np.where(canary, world.times_latency, 1.0) * np.where(hard, 1.5, 1.0) * np.where(shocked, 3.0, 1.0)
    )
    rate = world.errors * faulty[user] * np.where(canary, world.times_errors, 1.0) * np.where(hard, 3.0, 1.0)
    failed = chance.random(bucket.size) < np.where(shocked, 0.3, np.minimum(rate, 0.9))
    score = 3.5 - 0.3 * slow[user] + world.points * canary + chance.normal(0.0, 0.7, bucket.size)
    topic = np.where(hard, HARD, EASY).astype(object)
    group = chance.integers(0, 25, world.users)[user]
    judged = chance.random(bucket.size) < world.judged
    arms = [
        _arm(kept, bucket, group, topic, failed, seconds, np.clip(score, 0.0, 5.0), judged)
        for kept in (~canary, canary)
    ]
    strata = frozenset({HARD, EASY})
    found = sums.bodies(arms[0], arms[1], 0, world.size, Wanted(strata=strata))
    return [found[one] for one in range(world.size)]


def _canary(world: World, bucket: np.ndarray, user: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    starts = np.array([LEAD + at for at, _ in world.steps])
    shares = np.array([0.0, *(share for _, share in world.steps)])
    share = shares[np.searchsorted(starts, bucket, side="right")]
    return (user / world.users if world.sticky else chance.random(bucket.size)) < share


def _arm(  # noqa: PLR0917 — the columns of a call
    kept: np.ndarray, bucket: np.ndarray, group: np.ndarray, topic: np.ndarray, failed: np.ndarray,
    seconds: np.ndarray, score: np.ndarray, judged: np.ndarray,
) -> Arm:  # fmt: skip
    n, marked = int(kept.sum()), kept & judged
    nothing = np.full(n, "", dtype=object)
    calls = {
        "bucket": bucket[kept], "group": group[kept], "stratum": topic[kept], "error": failed[kept].astype(np.int64),
        "grounding": nothing, "finish": nothing, "duration": seconds[kept], "ttft": seconds[kept] * 0.3,
        "speed": np.full(n, np.nan), "cost": np.full(n, np.nan), **dict.fromkeys(sums.MIXES, nothing),
        "topic": topic[kept],
    }  # fmt: skip
    m = int(marked.sum())
    judge = np.full(m, "judge", dtype=object)
    marks = {
        "bucket": bucket[marked], "group": group[marked], "stratum": topic[marked], "name": judge,
        "source": judge, "value": score[marked],
    }  # fmt: skip
    return Arm(calls, marks)

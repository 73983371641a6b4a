"""What limits an engine, as far as its figures show: small pure rules, each with its evidence, silent when unsure.

A hint is a reason to look, not a verdict: the share of time in which a kernel ran (what "GPU utilisation" is) says
little about how much of the card was used.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from monitor.engines import trend

Floats = npt.NDArray[np.float64]
MINUTE, HOUR = 60.0, 3600.0
# how far the engine's figures are read back; the hit rate a whole day
SPAN_SECONDS = 6 * HOUR
RECENT, FEW = 10 * MINUTE, 5
MOSTLY = 0.8
IDLE, HALF_BUSY, BUSY = 0.02, 0.7, 0.9
ROOMY, FULL = 0.85, 0.95
GROWTH_SECONDS, SOON = 60 * MINUTE, 2 * HOUR
LEAST_GROWTH, NOISES = 0.05, 3.0
PREEMPTED_IN, LEAST_PREEMPTIONS, LEAST_SHARE = 30 * MINUTE, 10.0, 0.3
NEARLY_FULL = 0.9
HIT_BLOCK, HIT_BLOCKS = 30 * MINUTE, 8
HIT_FALL, HIT_PART, HIT_NOISES = 0.1, 0.25, 4.0


@dataclass(frozen=True, slots=True)
class Hint:
    """``kind`` names the sentence; ``evidence`` are its figures. ``level``: warn, or note."""

    kind: str
    level: str
    evidence: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Seen:
    """One engine's signals on a common grid (seconds), NaN where nothing is known.

    ``gpu``: mean utilisation of its cards; ``busiest``: of the busiest of them; ``throttled``: 1 while one of them is slowed down. ``hit_times`` and
    ``hits`` reach a day back.
    """

    times: Floats
    lines: Mapping[str, Floats]
    hit_times: Floats = field(default_factory=lambda: np.empty(0))
    hits: Floats = field(default_factory=lambda: np.empty(0))

    def last(self, name: str, seconds: float) -> Floats:
        """The known values of the last so many seconds."""
        line = self.lines.get(name)
        if line is None or not len(self.times):
            return np.empty(0)
        mine = line[self.times > self.times[-1] - seconds]
        known: Floats = mine[np.isfinite(mine)]
        return known


def look(seen: Seen) -> list[Hint]:
    """Everything that can be said, the pressing first."""
    found = [hint for rule in RULES if (hint := rule(seen)) is not None]
    return sorted(found, key=lambda hint: hint.level != "warn")


def heard(seen: Seen) -> bool:
    """Whether there is enough of the last minutes to say anything."""
    return max(len(seen.last("running", RECENT)), len(seen.last("waiting", RECENT))) >= FEW


def waits(seen: Seen) -> bool:
    """Whether requests wait most of the last minutes."""
    return _waits(seen.last("waiting", RECENT))


def filling(seen: Seen) -> Hint | None:
    """The KV cache grows straight towards full, higher than in the hours before."""
    line = seen.lines.get("kv")
    if line is None or not len(seen.times):
        return None
    recent = seen.times > seen.times[-1] - GROWTH_SECONDS
    if recent.sum() < trend.BLOCKS:
        return None
    found = trend.slope_of(seen.times[recent], line[recent])
    if found is None or found.low <= 0 or not _climbs(seen.times[recent], line[recent]):
        return None
    room = 1.0 - found.at
    growth = found.low * GROWTH_SECONDS
    before = line[~recent & np.isfinite(line)]
    if room <= 0 or growth < max(LEAST_GROWTH, NOISES * found.noise):
        return None
    if len(before) and found.at <= before.max():
        return None
    if room / found.low > SOON:
        return None
    # where the line ends is as uncertain as how steep it is
    nearest, farthest = max(0.0, room - 2 * found.noise), room + 2 * found.noise
    return Hint("filling", "warn", {
        "kv": found.at, "soonest": nearest / found.high, "likely": room / found.value, "latest": farthest / found.low,
        "per_hour": found.value * HOUR,
    })  # fmt: skip


def stuck(seen: Seen) -> Hint | None:
    """Requests wait and the cards do nothing."""
    waiting, gpu = seen.last("waiting", RECENT), seen.last("gpu", RECENT)
    if not _waits(waiting) or len(gpu) < FEW or np.median(gpu) > IDLE:
        return None
    return Hint("stuck", "warn", {"waiting": _mid(waiting), "gpu": _mid(gpu)})


def cache_bound(seen: Seen) -> Hint | None:
    """Requests wait because there is no room in the KV cache."""
    waiting, kv = seen.last("waiting", RECENT), seen.last("kv", RECENT)
    if not _waits(waiting) or len(kv) < FEW or np.median(kv) < FULL:
        return None
    return Hint("cache_bound", "warn", {"waiting": _mid(waiting), "kv": _mid(kv)})


def batch_bound(seen: Seen) -> Hint | None:
    """Requests wait though card and cache have room, and as many run as ever: a limit on the batch."""
    waiting, gpu, kv = (seen.last(name, RECENT) for name in ("waiting", "gpu", "kv"))
    running, ever = seen.last("running", RECENT), seen.last("running", SPAN_SECONDS)
    if not _waits(waiting) or len(gpu) < FEW or len(running) < FEW:
        return None
    most = float(ever.max())
    at_limit = running >= min(most - 1, 0.97 * most) if most > 2 else running >= most
    busiest = seen.last("busiest", RECENT)
    if len(busiest) and np.median(busiest) >= HALF_BUSY:
        return None  # one card at its end and others idle: most likely the idle ones are not this engine's
    if not IDLE < np.median(gpu) < HALF_BUSY or most < 1 or at_limit.mean() < MOSTLY:
        return None
    if len(kv) and np.median(kv) > ROOMY:
        return None
    return Hint("batch_bound", "warn", {"waiting": _mid(waiting), "gpu": _mid(gpu), "running": most})


def machine_bound(seen: Seen) -> Hint | None:
    """Requests wait and the cards are busy all the time."""
    waiting, gpu, kv = (seen.last(name, RECENT) for name in ("waiting", "gpu", "kv"))
    if not _waits(waiting) or len(gpu) < FEW or np.median(gpu) < BUSY:
        return None
    if len(kv) and np.median(kv) >= FULL:
        return None
    return Hint("machine_bound", "note", {"waiting": _mid(waiting), "gpu": _mid(gpu)})


def preempting(seen: Seen) -> Hint | None:
    """Running requests are thrown out again and again while the KV cache is full."""
    rate, kv = seen.last("preemptions", PREEMPTED_IN), seen.last("kv", PREEMPTED_IN)
    count = float(rate.mean() * PREEMPTED_IN) if len(rate) >= FEW else 0.0
    often = len(rate) >= FEW and (rate > 0).mean() >= LEAST_SHARE and count >= LEAST_PREEMPTIONS
    held = seen.last("retracted", PREEMPTED_IN)
    retracts = len(held) >= FEW and (held > 0).mean() >= LEAST_SHARE
    if not (often or retracts) or (len(kv) and np.quantile(kv, 0.9) < NEARLY_FULL):
        return None
    evidence = {"count": count} if often else {"retracted": float(held.max())}
    return Hint("preempting", "warn", evidence | ({"kv": float(kv.max())} if len(kv) else {}))


def colder(seen: Seen) -> Hint | None:
    """The prefix cache hits clearly less than at any half hour of the day before."""
    if len(seen.hits) < FEW:
        return None
    end = seen.hit_times[-1]
    age = np.floor((end - seen.hit_times) / HIT_BLOCK).astype(int)
    known = np.isfinite(seen.hits)
    latest = seen.hits[(age == 0) & known]
    # the block before the last one may hold the fall itself
    past = [float(np.median(seen.hits[(age == one) & known])) for one in np.unique(age[known]) if one > 1]
    if len(past) < HIT_BLOCKS or len(latest) < FEW:
        return None
    now, usual = float(np.median(latest)), float(np.median(past))
    noise = max(0.01, 1.4826 * float(np.median(np.abs(np.array(past) - usual))))
    fall = usual - now
    clear = fall >= max(HIT_FALL, HIT_PART * usual, HIT_NOISES * noise) and latest.max() < min(past)
    return Hint("colder", "note", {"now": now, "usual": usual}) if clear else None


def slowed(seen: Seen) -> Hint | None:
    """A card is slowed down most of the time while there is work."""
    slow, running = seen.last("throttled", RECENT), seen.last("running", RECENT)
    if len(slow) < FEW or (slow > 0).mean() < MOSTLY or not len(running) or np.median(running) < 1:
        return None
    return Hint("slowed", "warn", {"share": float((slow > 0).mean())})


RULES: tuple[Callable[[Seen], Hint | None], ...] = (
    stuck, cache_bound, batch_bound, filling, preempting, slowed, machine_bound, colder,
)  # fmt: skip


def _waits(waiting: Floats) -> bool:
    return len(waiting) >= FEW and bool((waiting >= 1).mean() >= MOSTLY)


def _mid(values: Floats) -> float:
    return float(np.median(values))


def _climbs(times: Floats, values: Floats) -> bool:
    """Each third stands above the one before: one step up is no growth."""
    _, thirds = trend.blocks(times, values, 3)
    _, sixths = trend.blocks(times, values, 6)
    rises = np.diff(sixths)
    return len(thirds) == 3 and bool((np.diff(thirds) > 0).all()) and bool((rises > 0).sum() >= 4)

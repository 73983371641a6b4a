"""About how many more calls of the canary decide a gate, if things go on as they are. Pure; a rule of thumb."""

import math

from monitor.canary.paths import Gate, Path
from monitor.canary.sequential import BETTER_STEPS, LEAST_ITEMS
from monitor.core.stats import RATIO_STEPS, Counts, log_e_mean

START = LEAST_ITEMS
MOST = 10_000_000


def of_rates(counts: Counts, path: Path, worse_from: float, good_to: float, harmless: float) -> int | None:
    """Evidence grows by what a call of the canary adds to it on average, in the direction that is nearer."""
    n_s, n_c = float(counts.stable_n.sum()), float(counts.canary_n.sum())
    e_s, e_c = float(counts.stable_events.sum()), float(counts.canary_events.sum())
    pooled = (e_s + e_c) / (n_s + n_c)
    # few events of the canary say little: half an event's worth of the common rate goes in
    rate_s, rate_c = (e_s + pooled) / (n_s + 1.0), (e_c + pooled * 50.0) / (n_c + 50.0)
    ways = [
        (path.fail_limit - float(path.fail[-1]), _growth(rate_s, rate_c, n_s / n_c, worse_from, RATIO_STEPS)),
        (path.good_limit - float(path.good[-1]), _growth(rate_s, rate_c, n_s / n_c, good_to, BETTER_STEPS)),
    ]
    if harmless:
        calm = max(
            rate_c * math.log(step) + (1 - rate_c) * math.log((1 - step * harmless) / (1 - harmless))
            for step in (0.25, 0.5, 0.75)
        )
        ways.append((path.good_limit + math.log(2.0) - float(path.good[-1]), calm))
    found = [math.ceil(max(left, 0.0) / growth) for left, growth in ways if growth > 1e-9]
    return max(1, min(found)) if found and min(found) < MOST else None


def _growth(
    rate_s: float, rate_c: float, stable_per_canary: float, limit: float, steps: tuple[float, ...]
) -> float:
    """The most that a call of the canary, with stable's calls beside it, adds to the log evidence."""

    def part(ratio: float) -> float:
        return ratio / (ratio + stable_per_canary)

    return max(
        rate_c * math.log(part(limit * step) / part(limit))
        + stable_per_canary * rate_s * math.log((1 - part(limit * step)) / (1 - part(limit)))
        for step in steps
    )


def of_mean(difference: float, variance: float, n: int, path: Path, gate: Gate) -> int | None:
    """The variance shrinks as calls come in: how many times as many calls it takes to be sure."""
    if n < START:
        return START - n
    prior = gate.of.prior
    sides = []
    if difference > gate.worse_from:
        sides.append((difference, gate.worse_from, path.fail_limit))
    if difference < gate.good_to:
        sides.append((-difference, -gate.good_to, path.good_limit))
    found = []
    for estimate, limit, wanted in sides:
        factor = 1.0
        while factor < 1000.0 and log_e_mean(estimate, variance / factor, limit, prior) < wanted:
            factor *= 1.15
        if factor < 1000.0:
            found.append(max(1, math.ceil(n * (factor - 1.0))))
    return min(found) if found else None

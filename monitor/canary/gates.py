"""Gates over the buckets of a release: evidence after each bucket, one of three verdicts, and what is lacking. Pure.

A gate fails when its evidence reaches k / alpha (k gates share alpha) at any look, and is passed while the
evidence for "good" stands at 1 / alpha or more. Evidence is the mean over processes that begin with each
stage, so what goes wrong at a greater share is not outweighed by what went well at a smaller one.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from monitor.canary import lacking, sequential
from monitor.canary.buckets import Spread
from monitor.canary.paths import Gate, Path, Plan, Verdict
from monitor.canary.sequential import MeanPath
from monitor.canary.sums import CANARY, STABLE, Body
from monitor.canary.table import Table
from monitor.core.stats import Counts, Floats, Interval, mean_sequence, ratio_sequence

TAILS = (0.99, 0.95, 0.9, 0.5)
# a tail is watched where the canary is to have ten calls beyond it in two hours
TAIL_BUCKETS, TAIL_CALLS = 24, 10.0
BETTER = (0.9, 0.75, 0.5, 0.25)


@dataclass(frozen=True, slots=True)
class Found:
    """What a gate says after the last bucket. Numbers are None where they are unknown.

    ``evidence`` and ``good``: 1 decides. ``needs``: about how many more calls of the canary; None: unknown.
    """

    key: str
    kind: str
    about: str
    needed: bool
    verdict: Verdict
    reason: str
    stable: float | None
    canary: float | None
    effect: float | None
    low: float | None
    high: float | None
    n_stable: int
    n_canary: int
    evidence: float
    good: float
    needs: int | None
    q: float = 0.0
    worse_from: float = 0.0
    good_to: float = 0.0

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Judged:
    """All gates of a release over its buckets."""

    paths: tuple[Path, ...]
    found: tuple[Found, ...]

    def verdict(self, place: int = -1) -> Verdict:
        """Of the release: one failure fails it, and it is passed when all that is needed is."""
        found = self.verdicts()
        return found[place] if found else "undecided"

    def verdicts(self) -> list[Verdict]:
        """After each bucket."""
        if not self.paths:
            return []
        failed = np.any([path.failed() for path in self.paths], axis=0)
        needed = [path.passed() for path in self.paths if path.gate.needed]
        passed = np.all(needed, axis=0) if needed else np.zeros_like(failed)
        return [
            "fail" if bad else "pass" if good else "undecided"
            for bad, good in zip(failed, passed, strict=True)
        ]


def judge(bodies: Sequence[Body], gates: Sequence[Gate], plan: Plan) -> Judged:
    """Every gate over consecutive buckets. Those before ``plan.begins[0]`` are stable's past only."""
    table = Table.of(bodies)
    k = max(1, sum(gate.of.way != "asked" for gate in gates))
    fail_limit, good_limit = math.log(k / plan.alpha), math.log(1.0 / plan.alpha)
    looks = [_look(table, gate, plan, fail_limit, good_limit) for gate in gates]
    return Judged(tuple(path for path, _ in looks), tuple(found for _, found in looks))


def _look(table: Table, gate: Gate, plan: Plan, fail_limit: float, good_limit: float) -> tuple[Path, Found]:
    match gate.of.way:
        case "ratio":
            counts = table.flagged(gate.source)
            return _rates(table, gate, counts, plan, fail_limit, good_limit)
        case "tail":
            q = gate.of.q or _tail(table, plan)
            counts, at = table.beyond(gate.source, q)
            return _rates(table, gate, counts, plan, fail_limit, good_limit, q=q, at=at)
        case "mean":
            return _means(table, gate, plan, fail_limit, good_limit)
        case "asked":
            return _asked(table, gate, plan)


def _tail(table: Table, plan: Plan) -> float:
    """The highest quantile beyond which the canary is to have enough calls, by stable's traffic before it came."""
    before = table.calls(STABLE)[: plan.begins[0]]
    lively = before[before > 0]
    expected = float(lively.mean() if lively.size else 0.0) * plan.share * TAIL_BUCKETS
    return next((q for q in TAILS if expected * (1.0 - q) >= TAIL_CALLS), TAILS[-1])


def _rates(  # noqa: PLR0913 — everything that a look knows
    table: Table, gate: Gate, counts: Counts, plan: Plan, fail_limit: float, good_limit: float, *,
    q: float = 0.0, at: float = math.nan,
) -> tuple[Path, Found]:  # fmt: skip
    strata = len(table.strata)
    kept = _part(counts, slice(plan.begins[0] * strata, None))
    fail = _mixture(table, plan, lambda rows: sequential.ratio_above(_part(counts, rows), gate.worse_from))
    good = _mixture(table, plan, lambda rows: sequential.ratio_below(_part(counts, rows), gate.good_to))
    if gate.of.harmless:
        calm = _mixture(table, plan, lambda rows: _harmless(_part(counts, rows), gate.of.harmless))
        good = np.logaddexp(good, calm) - math.log(2.0)
    path = Path(gate, fail, good, fail_limit, good_limit)
    n_s, n_c = int(kept.stable_n.sum()), int(kept.canary_n.sum())
    known = bool(n_s and n_c)
    effect = _ratio(kept) if known else None
    interval = ratio_sequence(kept, plan.alpha) if known else Interval(0.0, math.inf)
    needs = lacking.of_rates(kept, path, gate.worse_from, gate.good_to, gate.of.harmless) if known else None
    stable, canary = (at, None) if q else (_rate(kept.stable_events, n_s), _rate(kept.canary_events, n_c))
    return path, _found(path, n_s, n_c, stable, canary, effect, interval, needs, plan, table, q=q)


def _means(table: Table, gate: Gate, plan: Plan, fail_limit: float, good_limit: float) -> tuple[Path, Found]:
    sign = 1.0 if gate.of.more_is_worse else -1.0
    both = [table.spread(gate.source, arm, sign=sign) for arm in (STABLE, CANARY)]

    def path_of(rows: slice) -> MeanPath:
        return sequential.mean_path(*(_wide(one.part(rows), table, gate.of.width) for one in both))

    def evidence(rows: slice, *, good: bool) -> Floats:
        path = path_of(rows)
        limit = gate.good_to if good else gate.worse_from
        values = path.below(limit, gate.of.prior) if good else path.above(limit, gate.of.prior)
        return _narrow(values, rows, table, gate.of.width)

    fail = _mixture(table, plan, lambda rows: evidence(rows, good=False))
    good = _mixture(table, plan, lambda rows: evidence(rows, good=True))
    path = Path(gate, fail, good, fail_limit, good_limit)
    rows = slice(plan.begins[0] * len(table.strata), None)
    whole = path_of(rows)
    parts = [one.part(rows) for one in both]
    n_s, n_c = (int(part.n.sum()) for part in parts)
    sums = [sign * float(part.total.sum()) for part in parts]
    difference = float(whole.difference[-1]) if whole.difference.size else 0.0
    variance = float(whole.variance[-1]) if whole.variance.size else math.inf
    known = n_s > 0 and n_c > 0 and math.isfinite(variance)
    interval = mean_sequence(difference, variance, plan.alpha, gate.of.prior)
    ends = (interval.low, interval.high) if sign > 0 else (-interval.high, -interval.low)
    needs = lacking.of_mean(difference, variance, n_c, path, gate) if known else lacking.START - n_c
    logs = gate.of.scale == "percent"
    stable, canary = (
        (math.exp(total / n) if logs else total / n) if n else None
        for total, n in zip(sums, (n_s, n_c), strict=True)
    )
    return path, _found(
        path, n_s, n_c, stable, canary, sign * difference if known else None, Interval(*ends),
        max(1, needs) if needs is not None else None, plan, table,
    )  # fmt: skip


def _asked(table: Table, gate: Gate, plan: Plan) -> tuple[Path, Found]:
    """What series said at the end of each bucket; the last answer counts, and none is none."""
    said = np.array([body.asked.get(gate.key, 0) for body in table.bodies], dtype=np.float64)
    said[: plan.begins[0]] = 0.0
    path = Path(gate, np.where(said < 0, 1.0, 0.0), np.where(said > 0, 1.0, 0.0), 1.0, 1.0)
    verdict = path.verdict() if said.size else "undecided"
    reason = {"fail": "condition_failed", "pass": "condition_holds", "undecided": "no_answer"}[verdict]
    return path, Found(
        gate.key, gate.kind, gate.about, gate.needed, verdict, reason, None, None, None, None, None, 0, 0,
        float(path.fail.max(initial=0.0)), float(path.good[-1]) if said.size else 0.0, None,
        worse_from=gate.worse_from, good_to=gate.good_to,
    )  # fmt: skip


def _found(  # noqa: PLR0913, PLR0917 — as above
    path: Path, n_s: int, n_c: int, stable: float | None, canary: float | None, effect: float | None,
    interval: Interval, needs: int | None, plan: Plan, table: Table, *, q: float = 0.0,
) -> Found:  # fmt: skip
    gate, verdict = path.gate, path.verdict() if path.fail.size else "undecided"
    calls = float(table.calls(CANARY)[plan.begins[0] :].sum())
    if verdict != "undecided":
        reason = "worse" if verdict == "fail" else "good"
    elif not calls:
        reason = "no_canary_calls"
    elif not n_c:
        reason = "no_figures"
    elif not n_s:
        reason = "no_stable_calls"
    else:
        reason = "too_few"
    return Found(
        gate.key, gate.kind, gate.about, gate.needed, verdict, reason,
        _finite(stable), _finite(canary), _finite(effect), _finite(interval.low), _finite(interval.high),
        n_s, n_c, float(path.fail.max(initial=0.0) / path.fail_limit),
        max(0.0, float(path.good[-1] / path.good_limit)) if path.good.size else 0.0,
        needs if verdict == "undecided" else None, q, gate.worse_from, gate.good_to,
    )  # fmt: skip


def _mixture(table: Table, plan: Plan, evidence: Any) -> Floats:
    """The mean of processes that begin with each stage; those that have not begun stand at 1 (log 0)."""
    strata, stages = len(table.strata), max(plan.stages, len(plan.begins))
    paths = np.zeros((stages, table.size))
    for number, begin in enumerate(plan.begins):
        rows = evidence(slice(begin * strata, None))
        paths[number, begin:] = rows[strata - 1 :: strata]
    peak = paths.max(axis=0)
    found: Floats = peak + np.log(np.mean(np.exp(paths - peak), axis=0))
    return found


def _harmless(counts: Counts, rate: float) -> Floats:
    """Log evidence that the canary's rate is below ``rate``, whatever stable does as long as it is there (B,)."""
    paths = []
    for step in BETTER:
        gain = counts.canary_events * math.log(step)
        rest = (counts.canary_n - counts.canary_events) * math.log((1 - step * rate) / (1 - rate))
        paths.append(np.cumsum(gain + rest))
    stacked = np.array(paths)
    peak = stacked.max(axis=0, initial=0.0)
    found: Floats = peak + np.log(np.mean(np.exp(stacked - peak), axis=0))
    # beside nothing nothing is shown
    found[np.cumsum(counts.stable_n) == 0] = 0.0
    return found


def _wide(spread: Spread, table: Table, width: int) -> Spread:
    """Buckets joined, each stratum by itself."""
    strata = len(table.strata)
    if width == 1 or not spread.squares.size:
        return spread
    if strata == 1:
        return spread.joined(width)
    parts = [
        Spread(spread.n[one::strata], spread.total[one::strata], spread.squares[one::strata]).joined(width)
        for one in range(strata)
    ]
    shape = (-1, spread.n.shape[1])
    return Spread(
        np.stack([part.n for part in parts], axis=1).reshape(shape),
        np.stack([part.total for part in parts], axis=1).reshape(shape),
        np.stack([part.squares for part in parts], axis=1).reshape(-1),
    )


def _narrow(values: Floats, rows: slice, table: Table, width: int) -> Floats:
    """What was found for joined buckets stands from their end on, until the next ones are whole."""
    strata = len(table.strata)
    if width == 1:
        return values
    size = table.size * strata - rows.start
    last = values[strata - 1 :: strata]
    ends = np.minimum((np.arange(last.size) + 1) * width, size // strata)
    by_bucket = np.zeros(size // strata)
    for place, end in enumerate(ends.tolist()):
        by_bucket[end - 1 :] = last[place]
    return np.repeat(by_bucket, strata)


def _part(counts: Counts, rows: slice) -> Counts:
    return Counts(
        counts.stable_n[rows], counts.stable_events[rows], counts.canary_n[rows], counts.canary_events[rows]
    )


def _ratio(counts: Counts) -> float | None:
    """Mantel and Haenszel's common ratio: what the canary's rate is of stable's, like against like."""
    total = np.maximum(counts.stable_n + counts.canary_n, 1.0)
    above = float((counts.canary_events * counts.stable_n / total).sum())
    below = float((counts.stable_events * counts.canary_n / total).sum())
    return above / below if below > 0 else None


def _rate(events: Floats, n: int) -> float | None:
    return float(events.sum()) / n if n else None


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None

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
from monitor.canary.sequential import MeanPath, Trusted
from monitor.canary.sums import CANARY, JUDGE, STABLE, Body
from monitor.canary.table import Rates, Table
from monitor.core.stats import Counts, Floats, Interval, log_e_mean, mean_sequence, ratio_sequence

TAILS = (0.99, 0.95, 0.9, 0.5)
# a tail is watched where the canary is to have ten calls beyond it in two hours
TAIL_BUCKETS, TAIL_CALLS = 24, 10.0
# evidence beyond it says no more
MOST = 1e9
# what a series told stands for so many buckets
STANDS = 12
# from so many calls that count as one on, it is users that are lacking
DIFFER = 2.0


@dataclass(frozen=True, slots=True)
class Found:
    """What a gate says after the last bucket. Numbers are None where they are unknown.

    ``evidence`` and ``good``: 1 decides. ``needs``: about how many more calls of the canary; None: unknown.
    ``per_call``: how many calls count as one, since users differ.
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
    per_call: float = 1.0

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
        needed = [path for path in self.paths if path.gate.needed]
        passed = np.zeros_like(failed)
        # gates that only hold up are no evidence that all is well
        if any(path.gate.of.alone for path in needed):
            passed = np.all([path.passed() for path in needed], axis=0)
        return [
            "fail" if bad else "pass" if good else "undecided"
            for bad, good in zip(failed, passed, strict=True)
        ]

    def drawn(self, places: Sequence[int]) -> dict[str, dict[str, list[float]]]:
        """Of each gate how near its evidence is to deciding, after these buckets."""
        return {
            path.gate.key: {
                "fail": [round(figure(path.fail[p] / path.fail_limit), 4) for p in places],
                "good": [round(figure(path.good[p] / path.good_limit), 4) for p in places],
            }
            for path in self.paths
        }


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
            return _rates(table, gate, table.flagged(gate.source), plan, fail_limit, good_limit)
        case "tail":
            q = gate.of.q or _tail(table, plan)
            rates, at = table.beyond(gate.source, q)
            return _rates(table, gate, rates, plan, fail_limit, good_limit, q=q, at=at)
        case "mean":
            return _means(table, gate, plan, fail_limit, good_limit)
        case "told":
            return _told(table, gate, plan, fail_limit, good_limit)
        case "asked":
            return _asked(table, gate, plan)


def _tail(table: Table, plan: Plan) -> float:
    """The highest quantile beyond which the canary is to have enough calls, by stable's traffic before it came."""
    before = table.calls(STABLE)[: plan.begins[0]]
    lively = before[before > 0]
    expected = float(lively.mean() if lively.size else 0.0) * plan.share * TAIL_BUCKETS
    return next((q for q in TAILS if expected * (1.0 - q) >= TAIL_CALLS), TAILS[-1])


def _rates(  # noqa: PLR0913 — everything that a look knows
    table: Table, gate: Gate, rates: Rates, plan: Plan, fail_limit: float, good_limit: float, *,
    q: float = 0.0, at: float = math.nan,
) -> tuple[Path, Found]:  # fmt: skip
    strata = len(table.strata)
    kept = rates.part(slice(plan.begins[0] * strata, None))
    fail = _mixture(table, plan, lambda rows: sequential.ratio_above(rates.part(rows), gate.worse_from))
    good = _mixture(table, plan, lambda rows: sequential.ratio_below(rates.part(rows), gate.good_to))
    if gate.of.harmless:
        calm = _mixture(table, plan, lambda rows: sequential.harmless(rates.part(rows), gate.of.harmless))
        good = np.logaddexp(good, calm) - math.log(2.0)
    path = Path(gate, fail, good, fail_limit, good_limit)
    n_s, n_c = int(kept.counts.stable_n.sum()), int(kept.counts.canary_n.sum())
    known = bool(n_s and n_c)
    trust = sequential.Trust.of(kept).last()
    worth = _worth(kept.counts, trust.per_call)
    effect = _ratio(kept.counts) if known else None
    interval = ratio_sequence(worth, plan.alpha) if known and not trust.few else Interval(0.0, math.inf)
    needs = None
    if known and not trust.few:
        found = lacking.of_rates(worth, path, gate.worse_from, gate.good_to, gate.of.harmless)
        needs = None if found is None else math.ceil(found * trust.per_call)
    stable, canary = (at, None) if q else (
        _rate(kept.counts.stable_events, n_s), _rate(kept.counts.canary_events, n_c)
    )  # fmt: skip
    return path, _found(
        path, n_s, n_c, stable, canary, effect, interval, needs, plan, table, q=q, trust=trust
    )


def _means(table: Table, gate: Gate, plan: Plan, fail_limit: float, good_limit: float) -> tuple[Path, Found]:
    sign = 1.0 if gate.of.more_is_worse else -1.0
    if gate.source == JUDGE:
        table = table.by_judge(gate.about)
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
        max(1, needs) if needs is not None else None, plan, table, trust=Trusted(1.0, whole.few),
    )  # fmt: skip


def _asked(table: Table, gate: Gate, plan: Plan) -> tuple[Path, Found]:
    """What series said at the end of each bucket; the last answer counts, and none is none."""
    said = np.array([body.asked.get(gate.key, 0) for body in table.bodies], dtype=np.float64)
    said[: plan.begins[0]] = 0.0
    bad = np.where(said < 0, 1.0, 0.0) if gate.of.alone else np.zeros(said.size)
    # a condition may hold without any call of the new version, and says nothing of it then
    calls = table.calls(CANARY)
    calls[: plan.begins[0]] = 0.0
    there = np.cumsum(calls) > 0
    path = Path(gate, bad, np.where((said > 0) & there, 1.0, 0.0), 1.0, 1.0)
    verdict = path.verdict() if said.size else "undecided"
    reason = {"fail": "condition_failed", "pass": "condition_holds", "undecided": "no_answer"}[verdict]
    if said.size and said[-1] > 0 and not there[-1]:
        reason = "no_canary_calls"
    if not gate.of.alone and said.size and said[-1] < 0:
        reason = "holds_up"
    return path, Found(
        gate.key, gate.kind, gate.about, gate.needed, verdict, reason, None, None, None, None, None, 0, 0,
        float(path.fail.max(initial=0.0)), float(path.good[-1]) if said.size else 0.0, None,
        worse_from=gate.worse_from, good_to=gate.good_to,
    )  # fmt: skip


def _told(table: Table, gate: Gate, plan: Plan, fail_limit: float, good_limit: float) -> tuple[Path, Found]:
    """Differences that series told, each with its variance; what was told last stands for an hour."""
    sign = 1.0 if gate.of.more_is_worse else -1.0
    fail, good, last, at = np.zeros(table.size), np.zeros(table.size), None, 0
    for place in range(plan.begins[0], table.size):
        told = table.bodies[place].told.get(gate.key)
        if told is not None:
            last, at = told, place
        elif place - at >= STANDS:
            last = None
        if last is not None:
            difference, variance = sign * last[0], last[1]
            fail[place] = log_e_mean(difference, variance, gate.worse_from, gate.of.prior)
            good[place] = log_e_mean(-difference, variance, -gate.good_to, gate.of.prior)
    path = Path(gate, fail, good, fail_limit, good_limit)
    verdict = path.verdict() if table.size else "undecided"
    reason = {"fail": "worse", "pass": "good"}.get(verdict, "no_answer" if last is None else "too_few_labels")
    interval = (
        mean_sequence(last[0], last[1], plan.alpha, gate.of.prior) if last else Interval(-math.inf, math.inf)
    )
    return path, Found(
        gate.key, gate.kind, gate.about, gate.needed, verdict, reason, None, None, last[0] if last else None,
        _finite(interval.low), _finite(interval.high), 0, 0, figure(fail.max(initial=0.0) / fail_limit),
        max(0.0, figure(good[-1] / good_limit)) if good.size else 0.0, None,
        worse_from=gate.worse_from, good_to=gate.good_to,
    )  # fmt: skip


def _found(  # noqa: PLR0913, PLR0917 — as above
    path: Path, n_s: int, n_c: int, stable: float | None, canary: float | None, effect: float | None,
    interval: Interval, needs: int | None, plan: Plan, table: Table, *, q: float = 0.0, trust: Trusted,
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
    elif trust.few:
        reason = "few_users"
    else:
        reason = "users_differ" if trust.per_call >= DIFFER else "too_few"
    return Found(
        gate.key, gate.kind, gate.about, gate.needed, verdict, reason,
        _finite(stable), _finite(canary), _finite(effect), _finite(interval.low), _finite(interval.high),
        n_s, n_c, figure(path.fail.max(initial=0.0) / path.fail_limit),
        max(0.0, figure(path.good[-1] / path.good_limit)) if path.good.size else 0.0,
        needs if verdict == "undecided" and not trust.few else None, q, gate.worse_from, gate.good_to,
        trust.per_call,
    )  # fmt: skip


def _mixture(table: Table, plan: Plan, evidence: Any) -> Floats:
    """The mean of processes that begin with each stage; those that have not begun stand at 1 (log 0)."""
    strata, stages = len(table.strata), max(plan.stages, len(plan.begins))
    paths = np.zeros((stages, table.size))
    for number, begin in enumerate(plan.begins):
        rows = evidence(slice(begin * strata, None))
        paths[number, begin:] = rows[strata - 1 :: strata]
    return sequential.log_mean(paths)


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


def _worth(counts: Counts, per_call: float) -> Counts:
    """As many calls as they are worth."""
    return Counts(
        counts.stable_n / per_call, counts.stable_events / per_call,
        counts.canary_n / per_call, counts.canary_events / per_call,
    )  # fmt: skip


def _ratio(counts: Counts) -> float | None:
    """Mantel and Haenszel's common ratio: what the canary's rate is of stable's, like against like."""
    total = np.maximum(counts.stable_n + counts.canary_n, 1.0)
    above = float((counts.canary_events * counts.stable_n / total).sum())
    below = float((counts.stable_events * counts.canary_n / total).sum())
    return above / below if below > 0 else None


def _rate(events: Floats, n: int) -> float | None:
    return float(events.sum()) / n if n else None


def figure(value: float) -> float:
    """Evidence as JSON can hold it: what is no number is none at all."""
    return min(MOST, max(-MOST, float(value))) if not math.isnan(value) else 0.0


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None

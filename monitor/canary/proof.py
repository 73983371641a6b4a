"""Whether an order did what it was for. Pure.

A rollback: the bad version's share fell, and what had failed is well again. A greater share: it rose.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from monitor.canary.paths import Gate
from monitor.canary.shares import share_of
from monitor.canary.sums import CANARY, JUDGE, STABLE, Body
from monitor.canary.table import Table
from monitor.core.stats import Counts

State = Literal["waiting", "proved", "gone", "unproved"]
Well = Literal["well", "not_well", "unknown"]
# buckets after the one in which it was decided: so many must look well, and after so many it is called unproved
ENOUGH, MOST, MOST_SILENT = 2, 4, 12
GONE, ALL = 0.01, 0.99


@dataclass(frozen=True, slots=True)
class Proof:
    """``share``: the canary's since. ``reason``: gone_and_well, gone (whether it is well again can't be known),
    still_there or not_well of a rollback; has_arrived or not_arrived of a share; waiting or no_traffic of either.
    """

    state: State
    reason: str
    share: float | None
    gate: str = ""


def prove(before: Sequence[Body], after: Sequence[Body], failed: Sequence[Gate]) -> Proof:
    """``before``: the release until it was decided. ``after``: whole buckets since. ``failed``: what had failed."""
    shares = _newest(after)
    share = max(shares, default=None)
    if share is None or len(shares) < ENOUGH:
        return _silent(after, share)
    late: State = "unproved" if _late(after) else "waiting"
    if share > GONE:
        return Proof(late, "still_there", share)
    since = _since(after)
    said = {gate.key: _well(before, since, gate) for gate in failed}
    bad = next((key for key, well in said.items() if well == "not_well"), None)
    if bad is not None:
        return Proof(late, "not_well", share, bad)
    unknown = next((key for key, well in said.items() if well == "unknown"), None)
    if unknown is not None:
        # its figures may still come
        return Proof("gone" if _late(after) else "waiting", "gone", share, unknown)
    return Proof("proved", "gone_and_well", share)


def arrived(after: Sequence[Body], least: float) -> Proof:
    """Whether the canary has at least that share since it was ordered. ``after``: whole buckets since."""
    shares = _newest(after)
    share = min(shares, default=None)
    if share is None or len(shares) < ENOUGH:
        return _silent(after, share)
    if share < least:
        return Proof("unproved" if _late(after) else "waiting", "not_arrived", share)
    return Proof("proved", "has_arrived", share)


def _newest(after: Sequence[Body]) -> list[float]:
    """The shares in the newest buckets that have calls."""
    known = [share for share in map(share_of, after[-MOST_SILENT:]) if share is not None]
    return known[-ENOUGH:]


def _with_calls(after: Sequence[Body]) -> list[int]:
    return [place for place, body in enumerate(after) if share_of(body) is not None]


def _late(after: Sequence[Body]) -> bool:
    return len(_with_calls(after)) >= MOST or len(after) >= MOST_SILENT


def _since(after: Sequence[Body]) -> Sequence[Body]:
    """From the fourth-newest bucket with calls on."""
    return after[_with_calls(after)[-MOST:][0] :]


def _silent(after: Sequence[Body], share: float | None) -> Proof:
    late = len(after) >= MOST_SILENT
    return Proof("unproved" if late else "waiting", "no_traffic" if late else "waiting", share)


def _well(before: Sequence[Body], after: Sequence[Body], gate: Gate) -> Well:
    """All calls since, against stable's own while the canary was there; within the tolerance and chance."""
    whole = Table.of([*before, *after])
    match gate.of.way:
        case "asked":
            said = after[-1].asked.get(gate.key, 0)
            return "well" if said > 0 else "not_well" if said < 0 else "unknown"
        case "told":
            return "unknown"  # its window is one of days: what it says changes long after the traffic
        case "mean":
            if gate.source == JUDGE:
                whole = whole.by_judge(gate.about)
            return _mean_well(whole, len(before), gate)
        case "ratio":
            return _rate_well(whole.flagged(gate.source).counts, len(before) * len(whole.strata), gate)
        case "tail":
            counts = whole.beyond(gate.source, gate.of.q or 0.95)[0].counts
            return _rate_well(counts, len(before) * len(whole.strata), gate)


def _rate_well(counts: Counts, edge: int, gate: Gate) -> Well:
    n_s, e_s = float(counts.stable_n[:edge].sum()), float(counts.stable_events[:edge].sum())
    n = float(counts.stable_n[edge:].sum() + counts.canary_n[edge:].sum())
    events = float(counts.stable_events[edge:].sum() + counts.canary_events[edge:].sum())
    if not n or not n_s:
        return "unknown"
    expected = gate.worse_from * n * (e_s + 1.0) / (n_s + 1.0)
    return "well" if events <= expected + 3.0 * math.sqrt(expected) + 1.0 else "not_well"


def _mean_well(table: Table, edge: int, gate: Gate) -> Well:
    """Each stratum against its own past, so that another mix of them changes nothing."""
    stable, canary = (table.spread(gate.source, arm) for arm in (STABLE, CANARY))
    strata = len(table.strata)
    n_before, total_before, squares = (
        sums.reshape(table.size, strata)[:edge].sum(axis=0)
        for sums in (stable.n.sum(axis=1), stable.total.sum(axis=1), stable.squares)
    )
    n_after, total_after = (
        sums.sum(axis=1).reshape(table.size, strata)[edge:].sum(axis=0)
        for sums in (stable.n + canary.n, stable.total + canary.total)
    )
    both = (n_before > 0) & (n_after > 0)
    if not both.any():
        return "unknown"
    n_0, n_1 = n_before[both], n_after[both]
    mean = total_before[both] / n_0
    variance = np.maximum(squares[both] / n_0 - mean**2, 0.0)
    n = float(n_1.sum())
    change = float((n_1 * (total_after[both] / n_1 - mean)).sum()) / n
    worse = change if gate.of.more_is_worse else -change
    chance = math.sqrt(float((n_1 * variance).sum())) / n
    return "well" if worse <= gate.good_to + 3.0 * chance else "not_well"

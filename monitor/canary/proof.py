"""Whether an order did what it was for. Pure.

A rollback: the bad version's share fell, and what had failed is well again. A greater share: it rose.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from monitor.canary.paths import Gate
from monitor.canary.shares import share_of
from monitor.canary.sums import CANARY, STABLE, Body
from monitor.canary.table import Table
from monitor.core.stats import Counts

State = Literal["waiting", "proved", "unproved"]
# buckets after the one in which it was decided: so many must look well, and after so many it is called unproved
ENOUGH, MOST, MOST_SILENT = 2, 4, 12
GONE, ALL = 0.01, 0.99


@dataclass(frozen=True, slots=True)
class Proof:
    """``share``: the canary's since. ``reason``: gone_and_well, still_there or not_well of a rollback; has_arrived or
    not_arrived of a share; waiting or no_traffic of either.
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
    if share > GONE:
        return Proof("unproved" if len(after) >= MOST else "waiting", "still_there", share)
    bad = next((gate for gate in failed if not _well(before, after[-MOST:], gate)), None)
    if bad is not None:
        return Proof("unproved" if len(after) >= MOST else "waiting", "not_well", share, bad.key)
    return Proof("proved", "gone_and_well", share)


def arrived(after: Sequence[Body], least: float) -> Proof:
    """Whether the canary has at least that share since it was ordered. ``after``: whole buckets since."""
    shares = _newest(after)
    share = min(shares, default=None)
    if share is None or len(shares) < ENOUGH:
        return _silent(after, share)
    if share < least:
        return Proof("unproved" if len(after) >= MOST else "waiting", "not_arrived", share)
    return Proof("proved", "has_arrived", share)


def _newest(after: Sequence[Body]) -> list[float]:
    return [share for share in map(share_of, after[-ENOUGH:]) if share is not None]


def _silent(after: Sequence[Body], share: float | None) -> Proof:
    late = len(after) >= MOST_SILENT
    return Proof("unproved" if late else "waiting", "no_traffic" if late else "waiting", share)


def _well(before: Sequence[Body], after: Sequence[Body], gate: Gate) -> bool:
    """All calls since, against stable's own while the canary was there; within the tolerance and chance."""
    whole = Table.of([*before, *after])
    edge = len(before) * len(whole.strata)
    match gate.of.way:
        case "asked":
            return after[-1].asked.get(gate.key, 0) >= 0
        case "told":
            return True  # its window is one of days: what it says changes long after the traffic
        case "mean":
            return _mean_well(whole, edge, gate)
        case "ratio":
            return _rate_well(whole.flagged(gate.source).counts, edge, gate)
        case "tail":
            return _rate_well(whole.beyond(gate.source, gate.of.q or 0.95)[0].counts, edge, gate)


def _rate_well(counts: Counts, edge: int, gate: Gate) -> bool:
    n_s, e_s = float(counts.stable_n[:edge].sum()), float(counts.stable_events[:edge].sum())
    n = float(counts.stable_n[edge:].sum() + counts.canary_n[edge:].sum())
    events = float(counts.stable_events[edge:].sum() + counts.canary_events[edge:].sum())
    if not n or not n_s:
        return False
    expected = gate.worse_from * n * (e_s + 1.0) / (n_s + 1.0)
    return events <= expected + 3.0 * math.sqrt(expected) + 1.0


def _mean_well(table: Table, edge: int, gate: Gate) -> bool:
    stable, canary = (table.spread(gate.source, arm) for arm in (STABLE, CANARY))
    n_before = float(stable.n[:edge].sum())
    n_after = float(stable.n[edge:].sum() + canary.n[edge:].sum())
    if not n_before or not n_after:
        return gate.of.width > 1  # what is marked seldom may have no mark yet
    mean_before = float(stable.total[:edge].sum()) / n_before
    mean_after = float(stable.total[edge:].sum() + canary.total[edge:].sum()) / n_after
    variance = max(0.0, float(stable.squares[:edge].sum()) / n_before - mean_before**2)
    change = mean_after - mean_before if gate.of.more_is_worse else mean_before - mean_after
    return change <= gate.good_to + 3.0 * math.sqrt(variance / n_after)

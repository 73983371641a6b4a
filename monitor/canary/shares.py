"""The share that the canary really has, from the requests; the plan is never believed. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from monitor.canary.sums import CANARY, STABLE, Body

Arrival = Literal["waiting", "no_traffic", "missing", "lost", "arrived", "beyond"]
NEWEST = 3
ENOUGH = 0.5
TOO_MUCH, TOO_MUCH_BY = 1.5, 0.1


@dataclass(frozen=True, slots=True)
class Seen:
    """``share``: of the newest buckets, among all calls of the model; None without any call."""

    arrival: Arrival
    share: float | None
    planned: float
    calls: int

    @property
    def arrived(self) -> bool:
        return self.arrival == "arrived"


def share_of(body: Body) -> float | None:
    """The canary's share in one bucket."""
    total = body.calls(STABLE) + body.calls(CANARY) + body.others
    return body.calls(CANARY) / total if total else None


def least(planned: float, before: float) -> float:
    """The share from which on a stage has arrived: half of the plan, and nearer to it than to what was ``before``."""
    return max(ENOUGH * planned, 0.5 * (before + planned))


def observe(since: Sequence[Body], planned: float, before: float = 0.0) -> Seen:
    """What came of a stage, from the buckets since it began; ``before``: the share of the stage that it followed."""
    calls = sum(body.calls(CANARY) for body in since)
    if not since:
        return Seen("waiting", None, planned, 0)
    newest = since[-NEWEST:]
    mine = sum(body.calls(CANARY) for body in newest)
    total = mine + sum(body.calls(STABLE) + body.others for body in newest)
    if not total:
        return Seen("no_traffic", None, planned, calls)
    share = mine / total
    if not mine:
        return Seen("lost" if calls else "missing", 0.0, planned, calls)
    if share < least(planned, before):
        return Seen("missing", share, planned, calls)
    beyond = share > TOO_MUCH * planned and share > planned + TOO_MUCH_BY
    return Seen("beyond" if beyond else "arrived", share, planned, calls)

"""The next move of a release, from what is known of it. Pure: no clock, no database, nobody is told."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from monitor.canary.paths import Verdict
from monitor.canary.shares import Seen

Kind = Literal["advance", "promote", "rollback", "inconclusive"]


@dataclass(frozen=True, slots=True)
class View:
    """A release as it stands. ``next_share``: of the stage that follows; None: this is the last one.

    ``alike``: whether both versions serve calls that can be compared.
    """

    held: bool
    stage: int
    next_share: float | None
    least_minutes: float
    least_calls: int
    deadline_hours: float
    minutes: float
    verdict: Verdict
    seen: Seen
    alike: bool = True


@dataclass(frozen=True, slots=True)
class Move:
    """What is to be done, and the share that the canary has afterwards (None: unchanged)."""

    kind: Kind
    share: float | None


def next_move(view: View) -> Move | None:
    """A failure always rolls back; only what is passed, seen long enough and really has its share goes on."""
    if view.verdict == "fail":
        return Move("rollback", 0.0)
    if view.held:
        return None
    if view.verdict == "pass" and not lacks(view):
        whole = view.next_share is None or view.next_share >= 1.0
        return Move("promote", 1.0) if whole else Move("advance", view.next_share)
    if view.minutes >= 60.0 * view.deadline_hours:
        return Move("inconclusive", None)
    return None


def go(verdict: str, state: str, lacking: Sequence[str]) -> Verdict:
    """The one answer to other tools: go on (pass), go back (fail), or wait."""
    if verdict == "fail" or state in {"rolling_back", "rolled_back", "escalated"}:
        return "fail"
    if state == "open" and lacking:
        return "undecided"
    return "pass" if verdict == "pass" and state in {"open", "promoting", "promoted"} else "undecided"


def lacks(view: View) -> list[str]:
    """What a stage still lacks beside a verdict: share, time, calls, or calls that can be compared at all."""
    found = []
    if not view.seen.arrived:
        found.append("less" if view.seen.arrival == "beyond" else "share")
    if view.minutes < view.least_minutes:
        found.append("time")
    if view.seen.calls < view.least_calls:
        found.append("calls")
    if not view.alike:
        found.append("alike")
    return found

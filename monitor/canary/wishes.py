"""What somebody wants of a release, and what is wrong with that. Asks no database."""

import datetime as dt
import itertools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from monitor.canary.kinds import KINDS, GateKind
from monitor.canary.models import Mode, Opened, Stratum
from monitor.query import check

# a release is ended after it, and none is planned or begun farther away
LONGEST = dt.timedelta(days=14)
SOON = dt.timedelta(days=1)
MOST_STAGES = 10
MOST_NAME, MOST_ABOUT, MOST_NOTE, MOST_CALLS = 200, 120, 10_000, 2**31 - 1
# tolerance and margin lie within these, by the scale of the gate
SANE = {"times": (1.0, 1000.0), "percent": (0.0, 10.0), "points": (0.0, 5.0), "condition": (0.0, 1000.0)}


class BadReleaseError(ValueError):
    """A release that can't be opened; names the field and what it wants."""


class StageWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A stage as somebody wants it, also as it comes over HTTP."""

    share: float
    least_minutes: float = 60.0
    least_calls: int = 100


class GateWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A gate as somebody wants it, also as it comes over HTTP."""

    kind: str
    about: str = ""
    tolerance: float | None = None
    margin: float | None = None
    needed: bool = True
    pass_when: str = ""
    fail_when: str = ""


@dataclass(frozen=True, slots=True)
class Wish:
    """A release as somebody wants it. Empty ``stable``: the version with most calls. Empty gates: the usual."""

    model: str
    canary: str
    stable: str | None = None
    owner: str = ""
    note: str = ""
    mode: str = Mode.OBSERVE
    stages: Sequence[StageWish] = ()
    gates: Sequence[GateWish] = ()
    stratify: str = Stratum.ROUTE
    alpha: float = 0.05
    deadline_hours: float = 24.0
    started_at: dt.datetime | None = None
    opened_by: str = Opened.HAND


def stages_of(text: str) -> list[StageWish]:
    """``5, 20, 50, 100`` as stages; raises BadReleaseError."""
    found = []
    for part in re.split(r"[,\s→>]+", text.replace("%", " ").strip()):
        try:
            found.append(StageWish(float(part) / 100.0))
        except ValueError as error:
            message = f"stages: {part!r} is no percentage; write them as 5, 20, 50, 100"
            raise BadReleaseError(message) from error
    return found


def check_wish(wish: Wish, stages: Sequence[StageWish], now: dt.datetime) -> None:
    """Raises BadReleaseError with the first thing that is wrong."""
    started = wish.started_at or now
    stable = wish.stable or ""
    problems = [
        *((("\x00" in getattr(wish, name)), f"{name}: a NUL character is no text")
          for name in ("model", "canary", "owner", "note")),
        ("\x00" in stable, "stable: a NUL character is no text"),
        (not wish.model or len(wish.model) > MOST_NAME, "model: missing, or longer than 200 characters"),
        (not wish.canary or len(wish.canary) > MOST_NAME, "canary: missing, or longer than 200 characters"),
        (len(stable) > MOST_NAME, "stable: longer than 200 characters"),
        (len(wish.note) > MOST_NOTE, f"note: longer than {MOST_NOTE} characters"),
        (wish.stable == wish.canary, "canary: it must be another version than stable"),
        (wish.mode not in Mode.values, f"mode: {wish.mode!r} is none of {', '.join(Mode.values)}"),
        (wish.stratify not in Stratum.values, (f"stratify: {wish.stratify!r} is not one of "
         f"{', '.join(value for value in Stratum.values if value)} or empty")),
        (not 0 < wish.alpha <= 0.5, "alpha: must lie above 0 and not above 0.5"),
        (not 0 < wish.deadline_hours <= 24 * LONGEST.days, "deadline_hours: must lie above 0 and not above 336"),
        (started > now + SOON, "started_at: lies more than a day in the future"),
        (started < now - LONGEST, f"started_at: lies more than {LONGEST.days} days back; a release is ended then"),
    ]  # fmt: skip
    for wrong, message in problems:
        if wrong:
            raise BadReleaseError(message)
    check_stages(stages)
    for gate in wish.gates:
        check_gate(gate)
    names = [f"{gate.kind} {gate.about}".strip() for gate in wish.gates]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        message = f"gates: {twice} is there twice"
        raise BadReleaseError(message)


def check_stages(stages: Sequence[StageWish]) -> None:
    """Raises BadReleaseError."""
    longest = LONGEST.total_seconds() / 60
    problems = [
        (not 0 < len(stages) <= MOST_STAGES, f"stages: one to {MOST_STAGES} of them"),
        (any(not 0 < one.share <= 1 for one in stages), "stages: a share must lie above 0 and not above 1"),
        (any(later.share <= one.share for one, later in itertools.pairwise(stages)),
         "stages: each must have a greater share than the one before"),
        (any(not one.least_minutes >= 0 or one.least_calls < 0 for one in stages),
         "stages: least_minutes and least_calls can't be negative"),
        (any(one.least_calls > MOST_CALLS for one in stages), f"stages: least_calls can't be above {MOST_CALLS}"),
        (sum(one.least_minutes for one in stages) > longest,
         f"stages: all least_minutes together can't be above {longest:.0f}: a release is ended after {LONGEST.days} days"),
    ]  # fmt: skip
    for wrong, message in problems:
        if wrong:
            raise BadReleaseError(message)


def check_gate(gate: GateWish) -> None:
    """Raises BadReleaseError."""
    kind = KINDS.get(gate.kind)
    if kind is None:
        message = f"gates: no gate is called {gate.kind!r}; known are {', '.join(KINDS)}"
        raise BadReleaseError(message)
    if kind.needs_about and not gate.about:
        message = f"gates: {gate.kind} needs “about”: {kind.needs_about}"
        raise BadReleaseError(message)
    if len(gate.about) > MOST_ABOUT:
        message = f"gates: {gate.kind}: about is longer than {MOST_ABOUT} characters"
        raise BadReleaseError(message)
    if any("\x00" in text for text in (gate.about, gate.pass_when, gate.fail_when)):
        message = f"gates: {gate.kind}: a NUL character is no text"
        raise BadReleaseError(message)
    _check_limits(gate, kind)
    if gate.kind == "promql":
        _check_conditions(gate)


def _check_limits(gate: GateWish, kind: GateKind) -> None:
    low, high = SANE[kind.scale]
    for name in ("tolerance", "margin"):
        value = getattr(gate, name)
        if value is not None and not (math.isfinite(value) and low <= value <= high):
            what = {"times": "a factor of stable's rate, ", "percent": "a share (0.03 is 3 %), "}.get(
                kind.scale, ""
            )
            message = f"gates: {gate.kind}: {name} is {what}from {low:g} to {high:g}"
            raise BadReleaseError(message)
    worse_from = kind.tolerance if gate.tolerance is None else gate.tolerance
    good_to = kind.margin if gate.margin is None else gate.margin
    if kind.scale != "condition" and good_to < worse_from:
        message = (
            f"gates: {gate.kind}: margin ({good_to:g}) lies below tolerance ({worse_from:g}), and what lies between "
            "them would never be decided; give a margin of at least the tolerance"
        )
        raise BadReleaseError(message)


def _check_conditions(gate: GateWish) -> None:
    if not (gate.pass_when or gate.fail_when):
        message = "gates: promql needs pass_when, fail_when or both"
        raise BadReleaseError(message)
    for name in ("pass_when", "fail_when"):
        text = getattr(gate, name)
        fault = check(filled(text, model="m", stable="v1", canary="v2", release="1")) if text else None
        if fault is not None:
            message = f"gates: promql {gate.about}: {name}: {fault.message}"
            raise BadReleaseError(message)


def filled(expr: str, *, model: str, stable: str, canary: str, release: str) -> str:
    """$model, $stable, $canary and $release as they stand inside PromQL's quotation marks."""
    for name, value in {"model": model, "stable": stable, "canary": canary, "release": release}.items():
        safe = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        expr = expr.replace(f"${name}", safe)
    return expr

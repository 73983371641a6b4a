"""Gates that ask series: PromQL conditions, drift of the canary, its corrected quality. Unanswered is neither."""

import datetime as dt
from collections.abc import Sequence

import numpy as np

from monitor import query
from monitor.canary import sums, wishes
from monitor.canary.models import Release, ReleaseGate
from monitor.canary.paths import Gate

PAGES, WARNS = 1.0, 0.7
# standard deviations in half an interval of 95 %; with few labels there are more, which is on the safe side
HALF_WIDTHS = 1.96


def answers(release: Release, gates: Sequence[tuple[Gate, ReleaseGate]], at: dt.datetime) -> dict[str, int]:
    """What each gate of this kind is told at one moment: -1 it fails, 1 it is well, 0 nothing or neither."""
    found = {}
    for gate, row in gates:
        match gate.kind:
            case "promql":
                found[gate.key] = _condition(release, row, at)
            case "drift":
                found[gate.key] = _drift(release, at)
    return found


def differences(
    release: Release, gates: Sequence[tuple[Gate, ReleaseGate]], at: dt.datetime
) -> dict[str, tuple[float, float]]:
    """By how much the corrected quality of the new version differs, and the variance of that; where both are known."""
    found = {}
    for gate, _ in gates:
        if gate.kind != "quality_rate":
            continue
        rates = [_rate(release, gate, version, at) for version in ("$stable", "$canary")]
        if rates[0] is not None and rates[1] is not None:
            (stable, of_stable), (canary, of_canary) = rates[0], rates[1]
            found[gate.key] = (
                round(canary - stable, sums.DIGITS), round(of_stable**2 + of_canary**2, 2 * sums.DIGITS),
            )  # fmt: skip
    return found


def _condition(release: Release, row: ReleaseGate, at: dt.datetime) -> int:
    if row.fail_when and _values(release, row.fail_when, at).size:
        return -1
    return 1 if row.pass_when and _values(release, row.pass_when, at).size else 0


def _drift(release: Release, at: dt.datetime) -> int:
    values = _values(release, 'llm_drift_evidence{model="$model",version="$canary"}', at)
    if not values.size:
        return 0
    worst = float(values.max())
    return -1 if worst >= PAGES else 1 if worst < WARNS else 0


def _rate(release: Release, gate: Gate, version: str, at: dt.datetime) -> tuple[float, float] | None:
    """A corrected rate and its standard deviation. A bound that is cut off at 0 or 1 is not believed."""
    about = f',rubric="{gate.about}"' if gate.about else ""
    found = []
    for name in ("lower", "estimate", "upper"):
        expr = f'avg(llm_quality_rate{{model="$model",version="{version}",bound="{name}"{about}}})'
        values = _values(release, expr, at)
        if not values.size:
            return None
        found.append(float(values[0]))
    lower, estimate, upper = found
    half = max(upper - estimate, estimate - lower)
    return (estimate, half / HALF_WIDTHS) if half > 0 else None


def _values(release: Release, expr: str, at: dt.datetime) -> np.ndarray:
    """The finite values of an instant answer; a question that fails is no answer."""
    asked = wishes.filled(
        expr, model=release.model, stable=release.stable, canary=release.canary, release=str(release.pk)
    )
    try:
        found = query.instant(release.project_id, asked, at)
    except query.Failed:
        return np.empty(0)
    values = found.values[found.floats]
    return np.asarray(values[np.isfinite(values)])

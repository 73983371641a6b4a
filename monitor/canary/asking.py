"""Gates that ask series: PromQL conditions, drift of the canary, its corrected quality. Unanswered is neither."""

import datetime as dt
from collections.abc import Sequence

import numpy as np

from monitor import query
from monitor.canary import opening
from monitor.canary.models import Release, ReleaseGate
from monitor.canary.paths import Gate

PAGES, WARNS = 1.0, 0.7


def answers(release: Release, gates: Sequence[tuple[Gate, ReleaseGate]], at: dt.datetime) -> dict[str, int]:
    """What each gate of this kind is told at one moment: -1 it fails, 1 it is well, 0 nothing or neither."""
    found = {}
    for gate, row in gates:
        match gate.kind:
            case "promql":
                found[gate.key] = _condition(release, row, at)
            case "drift":
                found[gate.key] = _drift(release, at)
            case "quality_rate":
                found[gate.key] = _quality(release, gate, at)
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


def _quality(release: Release, gate: Gate, at: dt.datetime) -> int:
    """Intervals of both versions: surely worse, surely not worse, or neither."""

    def bound(version: str, name: str) -> float | None:
        about = f',rubric="{gate.about}"' if gate.about else ""
        expr = f'avg(llm_quality_rate{{model="$model",version="{version}",bound="{name}"{about}}})'
        values = _values(release, expr, at)
        return float(values[0]) if values.size else None

    stable, canary = (
        [bound(version, name) for name in ("lower", "upper")] for version in ("$stable", "$canary")
    )
    if stable[0] is None or stable[1] is None or canary[0] is None or canary[1] is None:
        return 0
    if canary[1] < stable[0] - gate.worse_from:
        return -1
    return 1 if canary[0] >= stable[1] - max(gate.good_to, gate.worse_from) else 0


def _values(release: Release, expr: str, at: dt.datetime) -> np.ndarray:
    """The finite values of an instant answer; a question that fails is no answer."""
    asked = opening.filled(
        expr, model=release.model, stable=release.stable, canary=release.canary, release=str(release.pk)
    )
    try:
        found = query.instant(release.project_id, asked, at)
    except query.Failed:
        return np.empty(0)
    values = found.values[found.floats]
    return np.asarray(values[np.isfinite(values)])

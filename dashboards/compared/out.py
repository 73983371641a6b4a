"""What leaves the page as a file: one row for each measure, and everything as JSON."""

import math
from collections.abc import Sequence
from typing import Any

from dashboards.charts import Chart
from dashboards.compared.arms import Loaded
from dashboards.compared.likes import Pair
from dashboards.compared.sides import Side
from dashboards.compared.verdicts import Against
from dashboards.visit import Visit
from monitor.canary.compare import Difference


def rows(told: Sequence[Against], first: Loaded) -> list[dict[str, Any]]:
    """Every measure of every side against the first."""
    return [
        {
            "a": first.side.label, "b": one.side.label, "measure": line.metric.name, "unit": line.metric.unit,
            "verdict": line.verdict, "value_a": _finite(line.stable), "value_b": _finite(line.canary),
            "difference": _finite(line.estimate), "low": _finite(line.interval.low),
            "high": _finite(line.interval.high), "is_ratio": line.metric.way == "ratio",
            "n_a": line.n_stable, "n_b": line.n_canary,
        }
        for one in told
        for line in one.found.differences
    ]  # fmt: skip


def document(
    visit: Visit, loaded: Sequence[Loaded], told: Sequence[Against], curves: dict[str, list[Difference]],
    charts: dict[str, Chart], pairs: Sequence[Pair],
) -> dict[str, Any]:  # fmt: skip
    """The whole comparison, the drawn figures included."""
    return {
        "project": visit.place.slug,
        "address": visit.origin + visit.share,
        "made_at": visit.now.isoformat(),
        "sides": [_side(one.side, one.n) for one in loaded],
        "verdicts": [
            {"b": one.side.label, "verdict": one.found.verdict, "sentence": one.sentence, "missing": list(one.found.missing)}
            for one in told
        ],
        "measures": rows(told, loaded[0]),
        "latency_by_quantile": {
            letter.upper(): [
                {
                    "q": one.metric.q, "difference_seconds": _finite(one.estimate),
                    "low": _finite(one.interval.low), "high": _finite(one.interval.high),
                }
                for one in found
            ]
            for letter, found in curves.items()
        },
        "charts": {name: {"title": str(one.title), "figure": one.figure, "empty": str(one.empty)} for name, one in charts.items()},
        "like_prompts": [
            {
                "alike": round(pair.alike, 4),
                **{
                    letter: {"id": str(call.summary.id), "prompt": call.prompt, "output": call.output}
                    for letter, call in (("a", pair.a), ("b", pair.b))
                },
            }
            for pair in pairs
        ],
    }  # fmt: skip


def _side(side: Side, n: int) -> dict[str, Any]:
    return {
        "letter": side.letter.upper(), "label": side.label, "model": side.model, "version": side.version,
        "environment": side.environment, "from": side.span.start.isoformat(), "to": side.span.end.isoformat(),
        "calls_read": n,
    }  # fmt: skip


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None

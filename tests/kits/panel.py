"""What every panel kind must pass: frames of each shape it may meet, and a figure that Plotly accepts."""

import numpy as np

from dashboards.panels.base import Column, Frame, Options

START = 1_763_460_000_000


def frames(kind: str, rows: int, *, gap: bool = False) -> list[Frame]:
    """Two frames of ``rows`` rows in the columns that ``kind`` draws."""
    return [_frame(kind, name, rows, gap=gap) for name in ("v1", "v2")]


def options(**more: object) -> Options:
    return {"title": "Time to first token", "unit": "seconds", **more}


def _frame(kind: str, name: str, rows: int, *, gap: bool) -> Frame:
    steps = np.arange(rows)
    value = 0.2 + 0.001 * (steps % 7) + (0.1 if name == "v2" else 0.0)
    if gap and rows:
        value[rows // 2] = np.nan
    columns: dict[str, Column]
    times = START + 60_000 * steps
    match kind:
        case "histogram":
            low = 0.01 * 1.1 ** (steps % 300)
            columns = {"low": low, "high": low * 1.1, "count": value}
        case "scatter":
            columns = {"x": 10.0 + steps, "y": value}
        case "bar":
            columns = {"category": np.array([f"kind {step}" for step in steps]), "value": value}
        case "timeline":
            lanes = np.array([f"alert {step % 5}" for step in steps])
            columns = {"lane": lanes, "start": times, "end": times + 30_000}
        case _:
            columns = {"time": times, "value": value}
    edge = 1.0 if name == "v1" else 2.0
    return Frame(name, columns, {"low": str(edge), "high": str(edge + 1)})

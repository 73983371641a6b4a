"""What the panels share: rounding, axes by unit, and the bare layout."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from dashboards import colours
from dashboards import numbers as numbers_text
from dashboards.panels.base import Column, Figure, Frame, NoDataError, Options

# tick format and suffix by unit; "~s" writes 0.2 as 200m, which a suffix makes 200ms
AXES: dict[str, tuple[str, str]] = {
    "seconds": ("~s", "s"),
    "ratio": ("~%", ""),
    "bytes": ("~s", "B"),
    "tokens": ("~s", ""),
    "tokens_per_second": ("~s", " tok/s"),
    "per_second": ("~g", "/s"),
    "watts": ("~s", "W"),
    "celsius": ("", " °C"),
    "hertz": ("~s", "Hz"),
    "usd": ("$~g", ""),
    "count": ("~s", ""),
}
LOG_TICKS = [step * 10.0**power for power in range(-4, 7) for step in (1, 2, 5)]


def numbers(column: Column, most: int = 4) -> list[float | None]:
    """The column with ``most`` significant digits; what is not finite becomes None, a gap."""
    values = np.asarray(column, dtype=np.float64)
    finite = np.isfinite(values)
    size = np.where(finite & (values != 0), np.abs(values), 1.0)
    scale = 10.0 ** (most - 1 - np.floor(np.log10(size)))
    with np.errstate(invalid="ignore"):
        rounded = np.round(values * scale) / scale
    exact = [
        float(f"{value:.{most}g}") if known else None for value, known in zip(rounded, finite, strict=True)
    ]
    return [None if value is None else int(value) if value == int(value) else value for value in exact]


def axis(unit: str, title: str = "", *, suffix: str = "", **more: Any) -> dict[str, Any]:
    """A value axis with ticks in ``unit``, and ``suffix`` behind it."""
    form, own = AXES.get(unit, ("~g", "") if unit in {"score", "effect"} else ("", ""))
    suffix = own + suffix
    found: dict[str, Any] = {"tickformat": form, "ticksuffix": suffix, "exponentformat": "SI", **more}
    if more.get("type") == "log" and unit == "seconds":
        # Plotly leaves the suffix off between powers of ten, and then 20m reads as minutes
        found |= {"tickvals": LOG_TICKS, "ticktext": [numbers_text.show(tick, unit) for tick in LOG_TICKS]}
    if title:
        found["title"] = {"text": title}
    return {name: value for name, value in found.items() if value != ""}


def layout(options: Options, **more: Any) -> dict[str, Any]:
    """The layout every figure has; ``meta`` tells the page what kind of axis it may link."""
    base: dict[str, Any] = {
        "margin": {"l": 8, "r": 12, "t": 8, "b": 8},
        "showlegend": bool(options.get("show_legend", False)),
        "legend": {"orientation": "h", "y": -0.2, "x": 0},
        "hovermode": "x unified",
        "uirevision": str(options.get("uirevision", "page")),
        "meta": {"title": str(options.get("title", "")), "unit": str(options.get("unit", "number"))},
    }
    return base | more


def time_axis(options: Options) -> dict[str, Any]:
    """An axis of Unix milliseconds; the page moves it into the viewer's zone."""
    found: dict[str, Any] = {"type": "date", "showspikes": True, "spikemode": "across", "spikethickness": 1}
    if options.get("start_ms") and options.get("end_ms"):
        found["range"] = [int(options["start_ms"]), int(options["end_ms"])]
    return found


def colour_of(frame: Frame, index: int) -> str:
    return frame.colour or colours.slot(index)


def anything(frames: Sequence[Frame]) -> list[Frame]:
    """The frames that hold rows; raises NoDataError when none does."""
    full = [frame for frame in frames if len(frame)]
    if not full:
        message = "no data in this time range"
        raise NoDataError(message)
    return full


def asked(options: Options) -> list[str]:
    """The expressions of the ``expr`` option, one a line."""
    return [line.strip() for line in str(options.get("expr", "")).splitlines() if line.strip()]


def finished(data: list[dict[str, Any]], around: dict[str, Any]) -> Figure:
    return {"data": data, "layout": around}

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
# what comes in whole numbers, of which no thousandths are written: 0.5 of a call is not 500m of one
WHOLE = frozenset({"count", "tokens", "tokens_per_second", "bytes"})
# the steps within a power of ten that find room beside each other, by how many powers there are
ROOM = ((1.3, (1, 2, 5)), (2.5, (1, 3)), (99.0, (1,)))
POWERS = range(-5, 8)


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


def axis(
    unit: str, title: str = "", *, suffix: str = "", drawn: Sequence[Column] = (), **more: Any
) -> dict[str, Any]:
    """A value axis with ticks in ``unit``, and ``suffix`` behind it. ``drawn``: the values that will stand on it."""
    form, own = AXES.get(unit, ("~g", "") if unit in {"score", "effect"} else ("", ""))
    suffix = own + suffix
    found: dict[str, Any] = {"tickformat": form, "ticksuffix": suffix, "exponentformat": "SI", **more}
    if unit in WHOLE and more.get("type") != "log":
        # where the ticks stand closer than one apart
        found["tickformatstops"] = [{"dtickrange": [None, 0.999], "value": "~g"}]
    if more.get("type") == "log":
        found["tickvals"] = log_ticks(drawn)
        if unit == "seconds":
            # Plotly leaves the suffix off between powers of ten, and then 20m reads as minutes
            found["ticktext"] = [numbers_text.show(tick, unit) for tick in found["tickvals"]]
    if title:
        found["title"] = {"text": title}
    return {name: value for name, value in found.items() if value != ""}


def precise(unit: str, form: str) -> str:
    """A single value, where ``form`` is that of the ticks."""
    if unit in WHOLE and unit != "bytes":
        return ",.4~r"
    return form.replace("~", ".3~") if form else ".3~g"


def log_ticks(drawn: Sequence[Column]) -> list[float]:
    """Round values around those that are drawn, as many as are told apart."""
    values = np.concatenate([np.asarray(one, dtype=np.float64) for one in drawn]) if drawn else np.ones(1)
    values = values[np.isfinite(values) & (values > 0)]
    low, high = (float(values.min()), float(values.max())) if len(values) else (1.0, 1.0)
    decades = np.log10(high / low)
    steps = next(steps for most, steps in ROOM if decades <= most)
    ticks = [float(f"{step}e{power}") for power in POWERS for step in steps]
    return [tick for tick in ticks if low / 10 <= tick <= high * 10]


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

"""Numbers as people read them: a unit, three digits that matter, and a dash for what is unknown."""

import math
from collections.abc import Callable

UNKNOWN = "—"
THIN = "\u202f"
NO_BREAK = "\u00a0"

_BYTES = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def show(value: float | None, unit: str = "number") -> str:
    """``value`` with its unit; a dash where it is None, NaN or infinite."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    return _WRITERS.get(unit, _number)(float(value))


def change(value: float | None, before: float | None, unit: str = "number") -> str:
    """How far ``value`` is from ``before``, signed; shares and scores in their own unit, the rest in percent."""
    if value is None or before is None or not (math.isfinite(value) and math.isfinite(before)):
        return UNKNOWN
    if unit in {"ratio", "score", "celsius", "effect"}:
        return signed(value - before, unit)
    if before == 0:
        return _with("0", "%") if value == 0 else UNKNOWN
    moved = 100 * (value - before) / abs(before)
    if abs(moved) < 1:
        return _with("<1" if moved else "0", "%")
    return _sign(moved) + _with(digits(abs(moved), 2), "%")


def signed(value: float | None, unit: str = "number") -> str:
    """``value`` with an explicit plus or a true minus sign."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    if unit == "ratio":
        return _sign(value) + _with(digits(abs(value) * 100, 2), "pp")
    return _sign(value) + show(abs(value), unit)


def digits(value: float, most: int = 3) -> str:
    """``value`` with ``most`` significant digits, never in scientific notation, thousands set apart."""
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else UNKNOWN
    places = most - 1 - math.floor(math.log10(abs(value)))
    rounded = round(value, places)
    text = f"{rounded:,.{max(0, min(places, 12))}f}".replace(",", THIN)
    return _trim(text).replace("-", "\u2212")


def whole(value: float) -> str:
    """An integer, thousands set apart: counts are shown exactly."""
    return f"{round(value):,}".replace(",", THIN).replace("-", "\u2212")


def ago(seconds: float) -> tuple[int, str]:
    """The largest fitting unit of a past distance: (12, "minutes"), for a translated sentence."""
    for size, name in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= size:
            return int(seconds // size), name
    return max(0, int(seconds)), "seconds"


def _trim(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def _sign(value: float) -> str:
    return "\u2212" if value < 0 else "+" if value > 0 else "±"


def _with(text: str, unit: str) -> str:
    return text + NO_BREAK + unit


def _number(value: float) -> str:
    size = abs(value)
    for limit, suffix in ((1e12, "T"), (1e9, "G"), (1e6, "M")):
        if size >= limit:
            return _with(digits(value / limit), suffix)
    return digits(value) if size < 1000 else whole(value)


def _seconds(value: float) -> str:
    size = abs(value)
    if size == 0:
        return _with("0", "s")
    if size < 1e-3:
        return _with(digits(value * 1e6), "µs")
    if size < 0.9995:
        return _with(digits(value * 1e3), "ms")
    if size < 60:
        return _with(digits(value), "s")
    return _long(value)


def _long(value: float) -> str:
    whole_seconds = round(value)
    parts = []
    for size, name in ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")):
        count, whole_seconds = divmod(whole_seconds, size)
        if count:
            parts.append(_with(str(count), name))
    return NO_BREAK.join(parts[:2])


def _bytes(value: float) -> str:
    index = 0
    while abs(value) >= 1024 and index < len(_BYTES) - 1:
        value, index = value / 1024, index + 1
    return _with(digits(value), _BYTES[index])


def _count(value: float) -> str:
    return whole(value) if abs(value) < 1e6 and value == round(value) else _number(value)


def _usd(value: float) -> str:
    text = f"{value:,.2f}".replace(",", THIN) if abs(value) >= 1 else digits(value)
    return "$" + text


def _suffixed(unit: str) -> Callable[[float], str]:
    return lambda value: _with(_number(value), unit)


_WRITERS: dict[str, Callable[[float], str]] = {
    "number": _number,
    "count": _count,
    "seconds": _seconds,
    "ratio": lambda value: _with(digits(value * 100), "%"),
    "bytes": _bytes,
    "usd": _usd,
    "score": lambda value: f"{value:.2f}",
    "effect": lambda value: f"{value:.2f}",
    "tokens": lambda value: _with(_count(value), "tok"),
    "tokens_per_second": _suffixed("tok/s"),
    "per_second": _suffixed("/s"),
    "watts": _suffixed("W"),
    "celsius": _suffixed("°C"),
    "hertz": lambda value: _number(value) + ("" if abs(value) >= 1e6 else NO_BREAK) + "Hz",
}
UNITS = tuple(_WRITERS)

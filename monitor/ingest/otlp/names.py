"""Names of OpenTelemetry as Prometheus spells them: escaped with underscores, with unit and type suffixes. Pure.

Source: the translation strategy that Prometheus uses when nothing else is configured.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import msgspec

_UNITS = {
    "d": "days", "h": "hours", "min": "minutes", "s": "seconds", "ms": "milliseconds", "us": "microseconds",
    "ns": "nanoseconds", "By": "bytes", "KiBy": "kibibytes", "MiBy": "mebibytes", "GiBy": "gibibytes",
    "TiBy": "tibibytes", "KBy": "kilobytes", "MBy": "megabytes", "GBy": "gigabytes", "TBy": "terabytes",
    "m": "meters", "V": "volts", "A": "amperes", "J": "joules", "W": "watts", "g": "grams",
    "Cel": "celsius", "Hz": "hertz", "1": "", "%": "percent",
}  # fmt: skip
_PER = {"s": "second", "m": "minute", "h": "hour", "d": "day", "w": "week", "mo": "month", "y": "year"}
_NO_NAME = re.compile(r"[^a-zA-Z0-9:]+")
_NO_UNIT = re.compile(r"[^a-zA-Z0-9:]+")
_NO_LABEL = re.compile(r"[^a-zA-Z0-9_]")


class BadNameError(ValueError):
    """A name of which nothing is left that Prometheus could spell."""


@lru_cache(10_000)
def metric(name: str, unit: str, *, counter: bool, gauge: bool) -> str:
    """``gen_ai.client.operation.duration`` in ``s`` → ``gen_ai_client_operation_duration_seconds``."""
    tokens = [token for token in _NO_NAME.split(name) if token]
    main, per = _suffixes(unit)
    for suffix in (main, per):
        if suffix and suffix not in tokens:
            tokens.append(suffix)
    if counter:
        tokens = [*(token for token in tokens if token != "total"), "total"]  # noqa: S105 — a suffix
    if gauge and unit == "1":
        tokens = [*(token for token in tokens if token != "ratio"), "ratio"]  # noqa: S105 — a suffix
    made = "_".join(tokens)
    if not made.strip("_"):
        message = f"nothing of {name[:60]!r} can be a metric's name; use letters and digits"
        raise BadNameError(message)
    return f"_{made}" if made[0].isdecimal() else made


def _suffixes(unit: str) -> tuple[str, str]:
    main, _, per = unit.partition("/")
    main, per = main.strip(), per.strip()
    first = "" if "{" in main or "}" in main else _clean(_UNITS.get(main, main))
    second = "" if "{" in per or "}" in per else _clean(_PER.get(per, per))
    return first, f"per_{second}" if second else ""


def _clean(unit: str) -> str:
    return _NO_UNIT.sub("_", unit).strip("_")


@lru_cache(20_000)
def label(name: str) -> str:
    """``server.address`` → ``server_address``; raises BadNameError."""
    made = _NO_LABEL.sub("_", name)
    if not made.strip("_"):
        message = f"nothing of {name[:60]!r} can be a label's name; use letters and digits"
        raise BadNameError(message)
    if made[0].isdecimal():
        return f"key_{made}"
    return f"key{made}" if made[0] == "_" and made[:2] != "__" else made


def labels(attributes: Iterable[tuple[str, Any]]) -> dict[str, str]:
    """Attributes as labels; where two become one name, their values are joined."""
    found: dict[str, str] = {}
    for name, value in sorted(attributes, key=lambda pair: pair[0]):
        key, text = label(name), value_text(value)
        found[key] = f"{found[key]};{text}" if key in found else text
    return found


def value_text(value: Any) -> str:
    """An attribute's value as text."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return number_text(value)
    return "" if value is None else msgspec.json.encode(value).decode()


def number_text(value: float) -> str:
    """The shortest text without an exponent: 1, 0.25, 1000000."""
    if value != value:  # noqa: PLR0124 — what NaN is
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "+Inf" if value > 0 else "-Inf"
    # as few digits as tell it from its neighbours, then zeros: 18446744073709552000
    text = repr(value)
    if "e" in text:
        from decimal import Decimal

        text = f"{Decimal(text):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text

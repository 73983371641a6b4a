"""Pure: the functions that templates of annotations may call, printed as Go and Prometheus print them."""

import datetime as dt
import html
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any
from urllib.parse import quote_plus

import re2

from monitor.core import durations

LARGE, SMALL = ("k", "M", "G", "T", "P", "E", "Z", "Y"), ("m", "u", "n", "p", "f", "a", "z", "y")
BINARY = tuple(prefix + "i" for prefix in LARGE)
_VERB = re.compile(r"%([-+# 0]*)(\d+)?(?:\.(\d+))?([a-zA-Z%])")


class FunctionError(ValueError):
    """A function that can't take what it was given; whoever wrote the template can mend it."""


def go_text(value: Any) -> str:
    """A value as Go's ``%v`` prints it."""
    match value:
        case None:
            return "<no value>"
        case bool():
            return "true" if value else "false"
        case float():
            return _shortest(value)
        case Mapping():
            return "map[" + " ".join(f"{name}:{go_text(value[name])}" for name in sorted(value)) + "]"
        case list() | tuple():
            return "[" + " ".join(go_text(item) for item in value) + "]"
        case _:
            return str(value)


def _shortest(value: float) -> str:
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("+Inf" if value > 0 else "-Inf")
    if value and not 1e-4 <= abs(value) < 1e21:
        mantissa, _, exponent = repr(value).partition("e")
        return f"{mantissa.removesuffix('.0')}e{int(exponent):+03d}"
    return format(Decimal(repr(value)), "f").removesuffix(".0")


def number(value: Any) -> float:
    """A float out of what templates carry: numbers and texts of numbers."""
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        message = f"{go_text(value)!r} is not a number"
        raise FunctionError(message) from error


def four(value: float) -> str:
    """``%.4g``."""
    return f"{value:.4g}" if math.isfinite(value) else _shortest(value)


def humanize(value: Any) -> str:
    amount = number(value)
    if amount == 0 or not math.isfinite(amount):
        return four(amount)
    return _scaled(amount, LARGE, 1000) if abs(amount) >= 1 else _scaled_down(amount)


def humanize1024(value: Any) -> str:
    amount = number(value)
    return four(amount) if abs(amount) <= 1 or not math.isfinite(amount) else _scaled(amount, BINARY, 1024)


def _scaled(amount: float, prefixes: Sequence[str], base: int) -> str:
    prefix = ""
    for step in prefixes:
        if abs(amount) < base:
            break
        prefix, amount = step, amount / base
    return four(amount) + prefix


def _scaled_down(amount: float) -> str:
    prefix = ""
    for step in SMALL:
        if abs(amount) >= 1:
            break
        prefix, amount = step, amount * 1000
    return four(amount) + prefix


def humanize_duration(value: Any) -> str:
    """Seconds as people say them: ``1d 2h 3m 4s``, ``1.235s``, ``12.5ms``."""
    seconds = number(value)
    if not math.isfinite(seconds):
        return four(seconds)
    if abs(seconds) < 1:
        return (_scaled_down(seconds) if seconds else "0") + "s"
    sign, whole = "-" if seconds < 0 else "", int(abs(seconds))
    parts = [whole // 86_400, whole // 3600 % 24, whole // 60 % 60, whole % 60]
    if whole < 60:
        return f"{sign}{four(abs(seconds))}s"
    first = next(i for i, part in enumerate(parts) if part)
    return sign + " ".join(f"{part}{unit}" for part, unit in list(zip(parts, "dhms", strict=True))[first:])


def humanize_percentage(value: Any) -> str:
    return four(number(value) * 100) + "%"


def humanize_timestamp(value: Any) -> str:
    seconds = number(value)
    if not math.isfinite(seconds):
        return four(seconds)
    try:
        moment = dt.datetime.fromtimestamp(seconds, tz=dt.UTC)
    except (OverflowError, ValueError, OSError) as error:
        message = f"{go_text(value)} is not a time that can be shown"
        raise FunctionError(message) from error
    fraction = f"{moment:.%f}".rstrip("0").rstrip(".")
    return f"{moment:%Y-%m-%d %H:%M:%S}{fraction} +0000 UTC"


def printf(form: Any, *values: Any) -> str:
    """Go's ``printf`` for the verbs that rules use; a verb that doesn't fit says so in place, as Go does."""
    rest = list(values)

    def one(match: re.Match[str]) -> str:
        flags, width, precision, verb = match.groups()
        if verb == "%":
            return "%"
        if not rest:
            return f"%!{verb}(MISSING)"
        return _verb(flags, width or "", precision, verb, rest.pop(0))

    text = _VERB.sub(one, str(form))
    return text + (f"%!(EXTRA {', '.join(map(go_text, rest))})" if rest else "")


def _verb(flags: str, width: str, precision: str | None, verb: str, value: Any) -> str:
    dot = "" if precision is None else f".{precision}"
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if verb in "eEfFgG" and is_number and not (isinstance(value, float) and not math.isfinite(value)):
        if verb in "gG" and precision is None:
            return _padded(_shortest(float(value)), flags, width)
        return f"%{flags}{width}{dot}{verb}" % float(value)
    if verb in "dxXob" and isinstance(value, int) and not isinstance(value, bool):
        return _padded(format(value, verb), flags, width)
    if verb in "svqt" or (verb in "eEfFgG" and is_number):
        text = go_text(value)
        text = text[: int(precision)] if precision is not None and verb in "sq" else text
        return _padded(json.dumps(text, ensure_ascii=False) if verb == "q" else text, flags, width)
    kind = {bool: "bool", float: "float64", int: "int", str: "string"}.get(type(value), "value")
    return f"%!{verb}({kind}={go_text(value)})"


def _padded(text: str, flags: str, width: str) -> str:
    size = int(width or 0)
    if "+" in flags and text[:1].isdigit():
        text = "+" + text
    return text.ljust(size) if "-" in flags else text.rjust(size, "0" if "0" in flags else " ")


def _print(*values: Any) -> str:
    """Go's ``print``: a space between two neighbours of which neither is a text."""
    text = ""
    for i, value in enumerate(values):
        between = i > 0 and not isinstance(value, str) and not isinstance(values[i - 1], str)
        text += (" " if between else "") + go_text(value)
    return text


def _pattern(text: Any) -> Any:
    try:
        return re2.compile(str(text))
    except re2.error as error:
        message = f"bad regular expression {text!r}: {error}"
        raise FunctionError(message) from error


def _replace_all(pattern: Any, replacement: Any, text: Any) -> str:
    """Go writes groups as ``$1`` or ``${1}``."""
    template = re.sub(r"\$\{?(\d+)\}?", r"\\\1", str(replacement).replace("\\", "\\\\"))
    return str(_pattern(pattern).sub(template, str(text)))


def _index(value: Any, *keys: Any) -> Any:
    for key in keys:
        if isinstance(value, Mapping):
            value = value.get(str(key), "")
            continue
        try:
            value = value[int(key)]
        except (TypeError, ValueError, IndexError, KeyError) as error:
            message = f"index {go_text(key)} does not exist"
            raise FunctionError(message) from error
    return value


def _first(values: Any) -> Any:
    if not values:
        message = "first() of a query without result"
        raise FunctionError(message)
    return values[0]


def _compare(test: Callable[[Any, Any], bool], left: Any, *right: Any) -> bool:
    try:
        return any(test(left, other) for other in right)
    except TypeError as error:
        message = f"{go_text(left)} can't be compared with {go_text(right[0])}"
        raise FunctionError(message) from error


def _strip_port(text: Any) -> str:
    match = re.fullmatch(r"\[?([^\]]*?)\]?:\d+", str(text))
    return match.group(1) if match else str(text)


def _strip_domain(text: Any) -> str:
    host, colon, port = str(text).partition(":")
    plain = host if re.fullmatch(r"[\d.]+", host) else host.partition(".")[0]
    return plain + colon + port


def _parse_duration(text: Any) -> float:
    try:
        return durations.parse(str(text)) / 1000
    except durations.BadDurationError as error:
        raise FunctionError(str(error)) from error


def truth(value: Any) -> bool:
    """Go's notion of true: not zero, not empty."""
    return bool(value)


def _and(*values: Any) -> Any:
    return next((value for value in values if not truth(value)), values[-1])


def _or(*values: Any) -> Any:
    return next((value for value in values if truth(value)), values[-1])


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "humanize": humanize, "humanize1024": humanize1024, "humanizeDuration": humanize_duration,
    "humanizePercentage": humanize_percentage, "humanizeTimestamp": humanize_timestamp,
    "printf": printf, "print": _print, "println": lambda *values: " ".join(map(go_text, values)) + "\n",
    "title": lambda text: re.sub(r"(?<!\S)\S", lambda m: m.group().upper(), str(text)),
    "toUpper": lambda text: str(text).upper(), "toLower": lambda text: str(text).lower(),
    "trimSpace": lambda text: str(text).strip(), "stripPort": _strip_port, "stripDomain": _strip_domain,
    "match": lambda pattern, text: _pattern(pattern).search(str(text)) is not None,
    "reReplaceAll": _replace_all, "parseDuration": _parse_duration, "toTime": humanize_timestamp,
    "urlQueryEscape": lambda text: quote_plus(str(text)), "urlquery": lambda text: quote_plus(go_text(text)),
    "safeHtml": lambda text: text, "html": lambda text: html.escape(go_text(text)),
    "js": lambda text: json.dumps(go_text(text))[1:-1], "toJson": json.dumps,
    "len": len, "index": _index, "first": _first,
    "label": lambda name, sample: sample["Labels"].get(name, ""),
    "value": lambda sample: sample["Value"], "strvalue": lambda sample: sample["Labels"].get("__value__", ""),
    "sortByLabel": lambda name, samples: sorted(samples, key=lambda s: s["Labels"].get(name, "")),
    "and": _and, "or": _or, "not": lambda value: not truth(value),
    "eq": partial(_compare, lambda a, b: a == b), "ne": partial(_compare, lambda a, b: a != b),
    "lt": partial(_compare, lambda a, b: a < b), "le": partial(_compare, lambda a, b: a <= b),
    "gt": partial(_compare, lambda a, b: a > b), "ge": partial(_compare, lambda a, b: a >= b),
}  # fmt: skip

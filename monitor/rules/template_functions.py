"""Pure: the functions that templates of annotations may call, printed as Go and Prometheus print them."""

import datetime as dt
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import quote_plus

import re2

from monitor.core import durations
from monitor.rules.go_format import LONGEST, Fields, go_text, printf, shortest, too_long

LARGE, SMALL = ("k", "M", "G", "T", "P", "E", "Z", "Y"), ("m", "u", "n", "p", "f", "a", "z", "y")
BINARY = tuple(prefix + "i" for prefix in LARGE)
_SHORT_UNITS = ((1_000_000, "ms"), (1_000, "µs"), (1, "ns"))
_LONGEST_DURATION = 2**63 / 1e9


_GROUP = re.compile(r"\$\$|\$\{(\w+)\}|\$(\w+)")
_HTML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "'": "&#39;", '"': "&#34;", "\0": "\ufffd"})
_JS = str.maketrans(
    {"\\": "\\\\", "'": "\\'", '"': '\\"', "<": "\\u003C", ">": "\\u003E", "&": "\\u0026", "=": "\\u003D"}
    | {chr(code): f"\\u{code:04X}" for code in range(32)}
)


class FunctionError(ValueError):
    """A function that can't take what it was given; whoever wrote the template can mend it."""


def number(value: Any) -> float:
    """A float out of what templates carry: numbers and texts of numbers."""
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        message = f"{go_text(value)!r} is not a number"
        raise FunctionError(message) from error


def four(value: float) -> str:
    """``%.4g``."""
    return f"{value:.4g}" if math.isfinite(value) else shortest(value)


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


def to_duration(value: Any) -> str:
    """Seconds as Go writes a duration: ``1h15m30.5s``, ``1.5ms``."""
    seconds = number(value)
    if not abs(seconds) < _LONGEST_DURATION:
        message = f"{go_text(value)} is not a duration that can be shown"
        raise FunctionError(message)
    nanoseconds = abs(int(seconds * 1_000_000_000))
    sign = "-" if seconds < 0 and nanoseconds else ""
    if nanoseconds < 1_000_000_000:
        size, unit = next((one for one in _SHORT_UNITS if nanoseconds >= one[0]), (1, "s"))
        return f"{sign}{_decimal(nanoseconds, size)}{unit}"
    whole, rest = divmod(nanoseconds, 60_000_000_000)
    hours, minutes = divmod(whole, 60)
    larger = (f"{hours}h" if hours else "") + (f"{minutes}m" if whole else "")
    return f"{sign}{larger}{_decimal(rest, 1_000_000_000)}s"


def _decimal(count: int, size: int) -> str:
    whole, rest = divmod(count, size)
    digits = str(rest).rjust(len(str(size)) - 1, "0").rstrip("0") if rest else ""
    return f"{whole}.{digits}" if digits else str(whole)


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
    """Go writes groups as ``$1``, ``${1}`` or ``$name``; a name is as long as it can be, an unknown one empty."""
    found = _pattern(pattern)

    def group(match: Any, name: str) -> str:
        try:
            return match.group(int(name) if name.isdecimal() else name) or ""
        except (IndexError, KeyError):
            return ""

    room = LONGEST

    def filled(match: Any) -> str:
        nonlocal room
        one = _GROUP.sub(
            lambda one: "$" if one[0] == "$$" else group(match, one[1] or one[2]), str(replacement)
        )
        room -= len(one)
        if room < 0:
            raise too_long("reReplaceAll")
        return one

    return str(found.sub(filled, str(text)))


def _index(value: Any, *keys: Any) -> Any:
    for key in keys:
        if isinstance(value, Mapping):
            value = value.get(str(key), "")
            continue
        value = value.encode() if isinstance(value, str) else value
        if type(key) is not int or not isinstance(value, list | tuple | bytes) or not 0 <= key < len(value):
            message = f"index {go_text(key)} does not exist"
            raise FunctionError(message)
        value = value[key]
    return value


def _first(values: Any) -> Any:
    if not isinstance(values, list):
        message = f"first() takes what query() answers, not {go_text(values)!r}"
        raise FunctionError(message)
    if not values:
        message = "first() called on vector with no elements"
        raise FunctionError(message)
    return values[0]


def _alike(left: Any, right: Any) -> None:
    """Go refuses to compare a float with a whole number: write ``1.0``."""
    if type(left) is not type(right) or isinstance(left, Mapping | list):
        message = (
            f"incompatible types for comparison: {go_text(left)} and {go_text(right)};"
            " write a number that is compared with $value with a point, like 1.0"
        )
        raise FunctionError(message)


def _equal(left: Any, first: Any, *more: Any) -> bool:
    for other in (first, *more):
        _alike(left, other)
        if left == other:
            return True
    return False


def _less(left: Any, right: Any) -> bool:
    _alike(left, right)
    if isinstance(left, bool):
        message = f"{go_text(left)} and {go_text(right)} have no order"
        raise FunctionError(message)
    return bool(left < right)


def _less_or_equal(left: Any, right: Any) -> bool:
    return _less(left, right) or _equal(left, right)


def _slice(value: Any, *places: Any) -> Any:
    """Texts are cut by bytes, as in Go."""
    content = value.encode() if isinstance(value, str) else value
    ends = [*places, *[0, len(content)][len(places) :]]
    start, end = ends if len(ends) == 2 else (-1, -1)
    if not all(type(one) is int for one in (start, end)) or not 0 <= start <= end <= len(content):
        message = f"slice {' '.join(map(go_text, places))} lies outside of {len(content)}"
        raise FunctionError(message)
    found = content[start:end]
    return found.decode(errors="replace") if isinstance(found, bytes) else found


def _args(*values: Any) -> dict[str, Any]:
    return {f"arg{place}": value for place, value in enumerate(values)}


def _title(text: Any) -> str:
    """A letter after anything that is no letter, digit or underscore becomes a capital."""
    return re.sub(r"(?<![\w'])[^\W\d_]", lambda m: m.group().upper(), str(text))


def _len(value: Any) -> int:
    if isinstance(value, Fields) or not isinstance(value, str | list | Mapping):
        message = f"{go_text(value)} has no length"
        raise FunctionError(message)
    return len(value.encode()) if isinstance(value, str) else len(value)


def _strip_port(text: Any) -> str:
    match = re.fullmatch(r"\[([^\[\]]*)\]:\w*|([^:\[\]]*):\w*", str(text))
    return str(text) if match is None else match.group(1) or match.group(2) or ""


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


def _link(tab: int, expr: Any) -> str:
    """The address, below a Prometheus, where it draws an expression."""
    return f"/graph?g0.expr={quote_plus(str(expr))}&g0.tab={tab}"


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "humanize": humanize, "humanize1024": humanize1024, "humanizeDuration": humanize_duration,
    "humanizePercentage": humanize_percentage, "humanizeTimestamp": humanize_timestamp,
    "printf": printf, "print": _print, "println": lambda *values: " ".join(map(go_text, values)) + "\n",
    "title": _title, "slice": _slice, "args": _args,
    "toDuration": to_duration,
    "toUpper": lambda text: str(text).upper(), "toLower": lambda text: str(text).lower(),
    "trimSpace": lambda text: str(text).strip(), "stripPort": _strip_port, "stripDomain": _strip_domain,
    "match": lambda pattern, text: _pattern(pattern).search(str(text)) is not None,
    "reReplaceAll": _replace_all, "parseDuration": _parse_duration, "toTime": humanize_timestamp,
    "urlQueryEscape": lambda text: quote_plus(str(text)), "urlquery": lambda *values: quote_plus(_print(*values)),
    "graphLink": partial(_link, 0), "tableLink": partial(_link, 1), "safeHtml": lambda text: text,
    "html": lambda *values: _print(*values).translate(_HTML),
    "js": lambda *values: _print(*values).translate(_JS), "toJson": json.dumps,
    "len": _len, "index": _index, "first": _first,
    "label": lambda name, sample: sample["Labels"].get(name, ""),
    "value": lambda sample: sample["Value"], "strvalue": lambda sample: sample["Labels"].get("__value__", ""),
    "sortByLabel": lambda name, samples: sorted(samples, key=lambda s: s["Labels"].get(name, "")),
    "and": _and, "or": _or, "not": lambda value: not truth(value),
    "eq": _equal, "ne": lambda left, right: not _equal(left, right),
    "lt": _less, "le": _less_or_equal,
    "gt": lambda left, right: not _less_or_equal(left, right), "ge": lambda left, right: not _less(left, right),
}  # fmt: skip

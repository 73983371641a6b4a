"""Pure: values and formats as Go prints them, for templates that people bring along.

Numbers of templates are ``float`` (Go's float64) or ``int``, and Go tells them apart.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

_VERB = re.compile(r"%([-+# 0]*)(\*|\d+)?(?:\.(\*|\d+)?)?(?:\[(\d+)\])?(.?)", re.DOTALL)
_HAS_DOT = re.compile(r"%[-+# 0]*(?:\*|\d+)?\.")
# so many characters one function makes at most; a width beyond Go's own limit is none
LONGEST = 1_000_000
_KINDS = {bool: "bool", float: "float64", int: "int", str: "string"}
_BASES = frozenset("dxXob")


class TooLongError(ValueError):
    """A function that would make a very long text; whoever wrote the template asks for less."""


@dataclass(frozen=True, slots=True)
class HistogramText:
    """A native histogram in the place of a number: it can be printed, and nothing else."""

    text: str

    def __str__(self) -> str:
        return self.text


def too_long(name: str) -> TooLongError:
    return TooLongError(f"{name} makes a text longer than {LONGEST} characters")


class Fields(dict[str, Any]):
    """A Go struct: prints as its values, and has no other fields."""


class Ref(Fields):
    """A pointer to a struct, as the results of ``query`` are."""


def go_text(value: Any) -> str:
    """A value as a template prints it: Go's ``%v``."""
    match value:
        case None:
            return "<no value>"
        case bool():
            return "true" if value else "false"
        case float():
            return shortest(value)
        case Fields():
            inside = "{" + " ".join(go_text(item) for item in value.values()) + "}"
            return "&" + inside if isinstance(value, Ref) else inside
        case Mapping():
            return "map[" + " ".join(f"{name}:{go_text(value[name])}" for name in sorted(value)) + "]"
        case list() | tuple():
            return "[" + " ".join(go_text(item) for item in value) + "]"
        case _:
            return str(value)


def kind_of(value: Any) -> str:
    """The name of its type in Go."""
    if value is None:
        return "<nil>"
    if isinstance(value, HistogramText):
        return "*histogram.FloatHistogram"
    return _KINDS.get(type(value), "map[string]string")


def shortest(value: float, *, upper: bool = False) -> str:
    """``%g``: as few digits as tell it from its neighbours; exponents from 1e+06 on and below 1e-04."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("+Inf" if value > 0 else "-Inf")
    found = scientific(value)
    if value and not -4 <= int(found.partition("e")[2]) < 6:
        return found.upper() if upper else found
    return format(Decimal(repr(value)), "f").removesuffix(".0")


def scientific(value: float) -> str:
    """``%e`` with as few digits as needed: how Prometheus' API writes the values of alerts."""
    if not math.isfinite(value):
        return shortest(value)
    digits = Decimal(repr(value)).normalize().as_tuple()
    text = "".join(map(str, digits.digits))
    exponent = len(text) + int(digits.exponent) - 1 if value else 0
    mantissa = text[0] + ("." + text[1:] if len(text) > 1 else "")
    return f"{'-' if digits.sign else ''}{mantissa}e{exponent:+03d}"


def printf(form: Any, *values: Any) -> str:
    """Go's ``printf``; a verb that doesn't fit its value says so in place, as Go does."""
    state = _Arguments(list(values))
    room = LONGEST

    def one(match: re.Match[str]) -> str:
        nonlocal room
        found = _one(match, state)
        room -= len(found)
        if room < 0:
            raise too_long("printf")
        return found

    text = _VERB.sub(one, str(form))
    rest = state.unused()
    if rest:
        text += "%!(EXTRA " + ", ".join(f"{kind_of(one)}={go_text(one)}" for one in rest) + ")"
    return text


class _Arguments:
    """The values in turn, or by number."""

    def __init__(self, values: list[Any]) -> None:
        self.values, self.place, self.numbered = values, 0, False

    def next(self) -> tuple[bool, Any]:
        if self.place >= len(self.values):
            return False, None
        self.place += 1
        return True, self.values[self.place - 1]

    def number(self, place: int) -> None:
        """Go counts from 1; there is nothing at 0."""
        self.place, self.numbered = (place - 1 if place else len(self.values)), True

    def unused(self) -> list[Any]:
        return [] if self.numbered else self.values[self.place :]


def _one(match: re.Match[str], arguments: _Arguments) -> str:
    flags, width, precision, number, verb = match.groups()
    if verb == "%":
        return "%"
    if not verb:
        return "%!(NOVERB)"
    bad = ""
    if width == "*":
        width, bad = _asked(arguments, "%!(BADWIDTH)")
        flags, width = (flags + "-", width[1:]) if width and width[0] == "-" else (flags, width)
    elif width and _beyond(width):
        width, bad = None, "%!(BADWIDTH)"
    if precision == "*":
        precision, worse = _asked(arguments, "%!(BADPREC)")
        bad, precision = bad + worse, None if precision and precision[0] == "-" else precision
    elif precision is None and _HAS_DOT.match(match.group()):
        precision = "0"
    elif precision and _beyond(precision):
        precision, bad = None, bad + "%!(BADPREC)"
    if number is not None:
        arguments.number(int(number[:6]))
    there, value = arguments.next()
    if not there:
        return bad + (f"%!{verb}(BADINDEX)" if number is not None else f"%!{verb}(MISSING)")
    wide, digits = int(width or 0), None if precision is None else int(precision)
    return bad + formatted(verb, value, flags, wide, digits)


def _beyond(size: str) -> bool:
    return len(size) > 7 or int(size) > LONGEST


def _asked(arguments: "_Arguments", complaint: str) -> tuple[str | None, str]:
    """A width or precision that stands among the values."""
    _, value = arguments.next()
    fits = type(value) is int and not _beyond(str(abs(value)))
    return (str(value), "") if fits else (None, complaint)


def formatted(verb: str, value: Any, flags: str, width: int, precision: int | None) -> str:
    """One value under one verb."""
    if verb == "T":
        return _padded(kind_of(value), flags, width)
    if verb == "v":
        verb = {float: "g", int: "d"}.get(type(value), "v")
    if isinstance(value, float) and verb in "eEfFgG":
        return _number(_float(verb, value, precision, flags), flags, width)
    if type(value) is int and verb in _BASES:
        return _number(_int(verb, value, flags), flags, width)
    text = _plain(verb, value, precision)
    if text is not None:
        return _padded(text, flags, width)
    shown = "<nil>" if value is None else f"{kind_of(value)}={go_text(value)}"
    return f"%!{verb}({shown})"


def _plain(verb: str, value: Any, precision: int | None) -> str | None:
    """What needs no sign; None when the verb doesn't fit."""
    match value:
        case None:
            return "<nil>" if verb == "v" else None
        case bool():
            return go_text(value) if verb in "tv" else None
        case int():
            return _letter(verb, value)
        case str():
            return _str(verb, value, precision)
        case Mapping() | list() | tuple() | HistogramText():
            return go_text(value) if verb in "vs" else None
    return None


def _float(verb: str, value: float, precision: int | None, flags: str) -> str:
    if not math.isfinite(value):
        text = shortest(value)
        return text if "+" in flags else text.removeprefix("+") if math.isnan(value) else text
    if verb in "gG" and precision is None:
        return shortest(value, upper=verb == "G")
    return f"%.{6 if precision is None else precision}{verb}" % value


def _int(verb: str, value: int, flags: str) -> str:
    sign = "-" if value < 0 else ""
    mark = {"x": "0x", "X": "0X", "o": "0", "b": "0b"}.get(verb, "") if "#" in flags else ""
    return sign + mark + format(abs(value), verb)


def _letter(verb: str, value: int) -> str | None:
    try:
        letter = chr(value)
    except (ValueError, OverflowError):
        letter = "\ufffd"
    return {"c": letter, "q": f"'{letter}'", "U": f"U+{value:04X}"}.get(verb)


def _str(verb: str, value: str, precision: int | None) -> str | None:
    text = value if precision is None else value[:precision]
    match verb:
        case "s" | "v":
            return text
        case "q":
            return json.dumps(text, ensure_ascii=False)
        case "x":
            return text.encode().hex()
        case "X":
            return text.encode().hex().upper()
    return None


def _number(text: str, flags: str, width: int) -> str:
    """Signs come before the zeros that fill up."""
    sign = "-" if text.startswith("-") else "+" if "+" in flags else " " if " " in flags else ""
    digits = text.removeprefix("-").removeprefix("+")
    if "0" in flags and "-" not in flags and digits[:1].isdigit():
        return sign + digits.rjust(width - len(sign), "0")
    if text.startswith("+"):
        sign = sign or "+"
    return _padded(sign + digits, flags.replace("0", ""), width)


def _padded(text: str, flags: str, width: int) -> str:
    if "-" in flags:
        return text.ljust(width)
    return text.rjust(width, "0" if "0" in flags else " ")

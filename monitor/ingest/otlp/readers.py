"""Values of attributes as fields of a call have them. What can't be read is None: unknown, never zero."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import msgspec

from monitor.core import clock

LONGEST_NAME = 300
LARGEST = 1e300
MOST_TOKENS = 2_000_000_000

Reader = Callable[[Any], Any]


def name(value: Any) -> str | None:
    """A short text: identity, session, user."""
    if isinstance(value, str):
        return value[:LONGEST_NAME] or None
    if value is None or isinstance(value, list | dict):
        return None
    return str(value)[:LONGEST_NAME]


def long(value: Any) -> str | None:
    return value or None if isinstance(value, str) else None


def number(value: Any) -> float | None:
    """A number of at least 0, also as text."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= 1_000_000 else None


def score(value: Any) -> float | None:
    """How good a document is: a number of any sign. Whole numbers longer than any float are JSON, too."""
    return float(value) if isinstance(value, int | float) and abs(value) <= LARGEST else None


def cost(value: Any) -> float | None:
    """Dollars; 0 is what senders write that know no price."""
    return number(value) or None


def cost_details(value: Any) -> float | None:
    """The total of ``{"total": …}``, or the sum of the parts."""
    parts = json(value)
    if not isinstance(parts, dict):
        return None
    if "total" in parts:
        return cost(parts["total"])
    return cost(sum(number(part) or 0.0 for part in parts.values()))


def milliseconds(value: Any) -> float | None:
    found = number(value)
    return None if found is None else found / 1000


def count(value: Any) -> int | None:
    if isinstance(value, str | float):
        try:
            value = int(float(value))
        except (ValueError, OverflowError):
            return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST_TOKENS:
        return None
    return value


def flag(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(value.lower()) if isinstance(value, str) else None


def first(value: Any) -> str | None:
    """The first of a list, or the text itself; either may be JSON text."""
    if isinstance(value, str) and value[:1] in {"[", '"'}:
        value = json(value)
    if isinstance(value, list):
        value = value[0] if value else None
    return name(value)


def json(value: Any) -> Any:
    """The value inside JSON text; a value that is no text stays."""
    if not isinstance(value, str):
        return value
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return None


def moment(value: Any) -> int | None:
    """Unix milliseconds of RFC 3339 text, which may be JSON itself."""
    if isinstance(value, str) and value[:1] == '"':
        value = json(value)
    try:
        found = msgspec.convert(value, dt.datetime)
    except msgspec.ValidationError:
        return None
    return clock.to_ms(found if found.tzinfo else found.replace(tzinfo=dt.UTC))


# as OpenAI's client reports them; cached tokens are part of the input there
_USAGE = {
    "prompt_tokens": "input", "completion_tokens": "output", "total_tokens": "total",
    "cached_tokens": "input_cached_tokens",
}  # fmt: skip


def usage(value: Any) -> dict[str, int] | None:
    """Token counts by what they count, out of ``{"input": …, "output": …, …}`` or a provider's own usage."""
    parts = json(value)
    if not isinstance(parts, dict):
        return None
    inner = parts.get("prompt_tokens_details", parts.get("input_tokens_details"))
    known = {**(inner if isinstance(inner, dict) else {}), **parts}
    found = {_USAGE.get(key, key): n for key, part in known.items() if (n := count(part)) is not None}
    return found if isinstance(inner, dict) else _together(found)


def _together(counts: dict[str, int]) -> dict[str, int]:
    """Where kinds of tokens are counted apart, as the total says, input and output get back what is theirs."""
    total = counts.get("total")
    if total is None or total != sum(counts.values()) - total:
        return counts
    whole = {side: sum(n for name, n in counts.items() if side in name) for side in ("input", "output")}
    return counts | {side: n for side, n in whole.items() if side in counts}


def provider(value: Any) -> str | None:
    return name(value.lower() if isinstance(value, str) else value)


def maker(value: Any) -> str | None:
    """``openai`` of ``openai.chat``."""
    return provider(value.partition(".")[0]) if isinstance(value, str) else None


def content(value: Any) -> Any:
    """Messages or text, read later; nothing is no content."""
    return value if value not in ("", None) else None


READERS: dict[str, Reader] = {
    "name": name, "long": long, "number": number, "seconds": number, "milliseconds": milliseconds, "cost": cost,
    "cost_details": cost_details, "count": count, "flag": flag, "first": first, "json": json, "moment": moment,
    "usage": usage, "provider": provider, "maker": maker, "content": content, "fallback": content,
    "documents": json, "parts": json, "family": content,
}  # fmt: skip

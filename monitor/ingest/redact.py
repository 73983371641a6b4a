"""Personal data and secrets out of text, before anything is stored. Pure; knows neither tables nor clocks.

What is found: phone numbers, e-mail addresses, Chinese resident ids, bank cards, keys and tokens, and on
request IP addresses. Names and postal addresses are not found. Each find becomes a mark such as
``[REDACTED:email]``. Redacting twice changes nothing.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from monitor.ingest import digits, tokens

ALL_KINDS = frozenset({"phone", "email", "resident_id", "card", "secret", "ip"})
DEFAULT_KINDS = ALL_KINDS - {"ip"}
MAX_DEPTH = 64
TOO_DEEP = "[DROPPED:nested too deeply]"

_HINT = re.compile(r"[0-9０-９@]")
# a token is scanned once, because a match may only start where a token starts
_EMAIL = re.compile(
    r"(?<![A-Za-z0-9._%+\-])[A-Za-z0-9._%+\-]++@(?:[A-Za-z0-9](?:[A-Za-z0-9\-]{0,62})\.){1,8}[A-Za-z]{2,24}+"
)
_IPV4 = re.compile(
    r"(?<![0-9.])(?:(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])\.){3}"
    r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])(?![0-9]|\.[0-9])"
)
_IPV6 = re.compile(r"(?<![0-9A-Za-z:.])[0-9A-Fa-f:]{2,39}+(?:\.[0-9]{1,3}){0,3}+(?![0-9A-Za-z:])")


def mark(kind: str) -> str:
    return f"[REDACTED:{kind}]"


def redact(text: str, kinds: frozenset[str] = DEFAULT_KINDS) -> tuple[str, Counter[str]]:
    """``text`` fit for storing, and how many finds of each kind were taken out of it."""
    found: Counter[str] = Counter()
    text = storable(text)
    # taking a find out can uncover its neighbour ("13812345678sk-…"), so look until nothing is found
    while True:
        text, now_found = _pass(text, kinds)
        if not now_found:
            return text, found
        found += now_found


def _pass(text: str, kinds: frozenset[str]) -> tuple[str, Counter[str]]:
    found: Counter[str] = Counter()
    if "secret" in kinds and tokens.may_hold(text):
        text = tokens.replace(text, mark("secret"), found)
    if _HINT.search(text) is None:
        if "ip" in kinds and "::" in text:
            text = _addresses(text, found)
        return text, +found
    if "email" in kinds and "@" in text:
        text, n = _EMAIL.subn(mark("email"), text)
        found["email"] += n
    text = digits.replace(text, kinds, mark, found)
    if "ip" in kinds:
        text = _addresses(text, found)
    return text, +found


def storable(text: str) -> str:
    """What PostgreSQL's text and JSON can hold: no NUL, no half of a surrogate pair."""
    if "\x00" in text:
        text = text.replace("\x00", "")
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        # the round trip also joins two halves that belong together
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def redact_value(
    value: Any, found: Counter[str], kinds: frozenset[str] = DEFAULT_KINDS, depth: int = 0
) -> Any:
    """A copy of messages or attributes with every text in it redacted, keys too; ``found`` is added to.

    A whole number that is a phone, card or resident id as text becomes its mark.
    """
    if isinstance(value, str):
        clean, counted = redact(value, kinds)
        found.update(counted)
        return clean
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return _number(value, found, kinds)
    if depth >= MAX_DEPTH:
        return TOO_DEEP
    if isinstance(value, Mapping):
        return {
            redact_value(str(name), found, kinds): redact_value(part, found, kinds, depth + 1)
            for name, part in value.items()
        }
    if isinstance(value, Iterable):
        return [redact_value(part, found, kinds, depth + 1) for part in value]
    return redact_value(str(value), found, kinds)


def _number(value: int, found: Counter[str], kinds: frozenset[str]) -> Any:
    if not 10**10 <= value < 10**19:
        return value
    clean, counted = redact(str(value), kinds)
    found.update(counted)
    return clean if counted else value


def _addresses(text: str, found: Counter[str]) -> str:
    text, n = _IPV4.subn(mark("ip"), text)
    found["ip"] += n
    if ":" not in text:
        return text

    def sixth(match: re.Match[str]) -> str:
        if not _is_ipv6(match[0]):
            return match[0]
        found["ip"] += 1
        return mark("ip")

    return _IPV6.sub(sixth, text)


def _is_ipv6(text: str) -> bool:
    import ipaddress

    # "::" alone, and times such as 10:30:00, are no addresses of anyone
    if text.count(":") < 2 or len(text) < 3:
        return False
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True

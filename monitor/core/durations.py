"""Durations as Prometheus writes them (``5m``, ``1h30m``, ``250ms``), both ways."""

import re

UNITS_MS = {
    "y": 365 * 86_400_000,
    "w": 7 * 86_400_000,
    "d": 86_400_000,
    "h": 3_600_000,
    "m": 60_000,
    "s": 1_000,
    "ms": 1,
}
# more digits than any time that could be meant
_COUNT = r"([0-9]{1,20})"
_SHAPE = re.compile("".join(rf"(?:{_COUNT}{unit}{'(?!s)' if unit == 'm' else ''})?" for unit in UNITS_MS))


# Prometheus counts nanoseconds in 64 bits; a longer time would not fit behind any date either
LONGEST_MS = (2**63 - 1) // 1_000_000


class BadDurationError(ValueError):
    """Text that is no Prometheus duration. Not worth a retry; whoever wrote the text can mend it."""


def parse(text: str) -> int:
    """Milliseconds of ``text``; units from y down to ms, largest first, each at most once."""
    if text == "0":
        return 0
    match = _SHAPE.fullmatch(text)
    if not text or match is None:
        message = f"not a duration: {text[:40]!r}; write it like 30s, 5m or 1h30m"
        raise BadDurationError(message)
    pairs = zip(match.groups(), UNITS_MS.values(), strict=True)
    found = sum(int(count) * unit for count, unit in pairs if count)
    if found > LONGEST_MS:
        message = f"duration out of range: {text[:40]!r}; the longest is 292y"
        raise BadDurationError(message)
    return found


def text(milliseconds: int) -> str:
    """The shortest exact spelling; years and weeks only when nothing is left over, as Prometheus does."""
    if milliseconds < 0:
        return "-" + text(-milliseconds)
    if milliseconds == 0:
        return "0s"
    parts = []
    for unit, size in UNITS_MS.items():
        if unit in {"y", "w"} and milliseconds % size:
            continue
        count, milliseconds = divmod(milliseconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)

"""How a panel shows a value: its text, its unit, its colour; with the overrides of single fields."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from dashboards import numbers
from dashboards.boards import patterns, units
from dashboards.boards.document import Override, Panel, Threshold, Wording
from dashboards.boards.tables import Column

TOKENS = frozenset({"good", "warn", "bad", "neutral", *(f"v{place}" for place in range(7))})


@dataclass(frozen=True, slots=True)
class Shown:
    """``colour`` is a token's name, or empty."""

    text: str
    colour: str = ""


@dataclass(frozen=True, slots=True)
class Manners:
    """The manners of one field."""

    unit: str
    decimals: int | None
    low: float | None
    high: float | None
    thresholds: Sequence[Threshold]
    in_percent: bool
    wordings: Sequence[Wording]
    title: str = ""
    colour: str = ""
    hidden: bool = False
    right: bool = False
    link: str = ""
    below: bool = False

    def show(self, value: float | str | None) -> Shown:
        worded = next((one for one in self.wordings if _worded(one, value)), None)
        if worded is not None:
            own = worded.text or self._plain(value)
            return Shown(own, worded.colour or self._level(value))
        return Shown(self._plain(value), self.colour or self._level(value))

    def _plain(self, value: float | str | None) -> str:
        if isinstance(value, str):
            return value
        return units.show(value, self.unit, self.decimals)

    def _level(self, value: float | str | None) -> str:
        if not isinstance(value, (int, float)) or not math.isfinite(value):
            return ""
        return self.level(value)

    def level(self, value: float) -> str:
        """The colour of the highest threshold that is reached."""
        found = ""
        for step in self.thresholds:
            if step.value is None or value >= self.limit(step):
                found = step.colour
        return found if found in TOKENS else ""

    def limit(self, step: Threshold) -> float:
        """Where a threshold lies on the scale of the values."""
        at = step.value if step.value is not None else -math.inf
        if not self.in_percent:
            return at
        low, high = self.scale
        return low + (high - low) * at / 100

    @property
    def scale(self) -> tuple[float, float]:
        """From where to where a gauge reaches; without limits of its own a share ends at the whole."""
        unit = units.of(self.unit)
        low = self.low if self.low is not None else 0.0
        usual = 1.0 / unit.factor if unit.name == "ratio" else 100.0
        highest = max((step.value for step in self.thresholds if step.value is not None), default=0.0)
        high = self.high if self.high is not None else usual if self.in_percent else max(usual, highest)
        return low, high if high > low else low + 1.0


def of(panel: Panel, column: Column, ref: str = "") -> Manners:
    """The panel's manners with what its overrides say about this column."""
    unit, decimals, title, colour, hidden, right, link, below = (
        column.unit or panel.unit, panel.decimals, "", "", False, False, "", False,
    )  # fmt: skip
    for one in panel.overrides:
        if not matches(one, column, ref):
            continue
        unit, title, colour, link = (
            one.unit or unit,
            one.title or title,
            one.colour or colour,
            one.link or link,
        )
        decimals = one.decimals if one.decimals is not None else decimals
        hidden, right, below = hidden or one.hidden, right or one.right, below or one.below
    return Manners(
        unit, decimals, panel.low, panel.high, panel.thresholds, panel.in_percent, panel.wordings, title, colour, hidden,
        right, link, below,
    )  # fmt: skip


def matches(one: Override, column: Column, ref: str) -> bool:
    names = {column.name, column.shown}
    match one.by:
        case "name":
            found = one.match in names
        case "names":
            found = bool(names & set(one.match.split("\n")))
        case "kind":
            found = column.kind == {"string": "text"}.get(one.match, one.match)
        case "query":
            found = ref == one.match
        case _:
            found = _searched(one.match, names)
    return found is not one.others


def _searched(pattern: str, names: set[str]) -> bool:
    body = re.match(r"^/(.*)/\w*$", pattern)
    try:
        sought = patterns.compiled(body[1] if body else pattern)
        return any(sought.search(name) for name in names)
    except patterns.PatternError:
        return False


def _worded(one: Wording, value: float | str | None) -> bool:
    unknown = value is None or (isinstance(value, float) and math.isnan(value))
    match one.kind:
        case "special":
            return (
                unknown
                if one.match in {"null", "nan", "null+nan", "empty"}
                else str(value).lower() == one.match
            )
        case "range":
            if unknown or not isinstance(value, (int, float)):
                return False
            low = one.low if one.low is not None else -math.inf
            high = one.high if one.high is not None else math.inf
            return low <= value <= high
        case "regex":
            return not unknown and _searched(one.match, {_written(value)})
        case _:
            return (not unknown and one.match == _written(value)) or (unknown and one.match == "null")


def _written(value: float | str | None) -> str:
    return f"{value:.15g}" if isinstance(value, (int, float)) else value or ""


def token(name: str) -> str:
    """A colour's token as CSS; what is no token is neutral."""
    return f"var(--{name})" if name in TOKENS else "var(--neutral)"


UNKNOWN = Shown(numbers.UNKNOWN)

"""What an import could not take, gathered while it runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Loss:
    """``where`` is a panel's or variable's name, empty for the board itself."""

    where: str
    what: str


@dataclass(slots=True)
class Report:
    losses: list[Loss] = field(default_factory=list)
    renamed: dict[str, str] = field(default_factory=dict)
    gone: dict[str, None] = field(default_factory=dict)

    def lose(self, where: str, what: str) -> None:
        loss = Loss(where, what)
        if loss not in self.losses:
            self.losses.append(loss)


def mapping(value: Any) -> Json:
    """The value if it is an object, else an empty one: boards of others hold anything anywhere."""
    return value if isinstance(value, Mapping) else {}


def listed(value: Any) -> list[Json]:
    """The objects of a list; whatever else stands there is left out."""
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def text(value: Any) -> str:
    """A text, a number as text, nothing for anything else."""
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else f"{value:.15g}" if isinstance(value, (int, float)) else ""


def number(value: Any) -> float | None:
    if isinstance(value, bool) or value in (None, ""):
        return None
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if found == found and abs(found) != float("inf") else None  # noqa: PLR0124 - NaN


def whole(value: Any, usual: int) -> int:
    found = number(value)
    return usual if found is None else int(found)

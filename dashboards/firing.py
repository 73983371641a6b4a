"""What fires now, for the pages that show it beside their own figures."""

from dataclasses import dataclass
from typing import Any

from dashboards.visit import Visit


@dataclass(frozen=True, slots=True)
class Firing:
    """One alert that fires or is about to."""

    name: str
    critical: bool
    labels: dict[str, str]

    def concerns(self, model: str, version: str) -> bool:
        """Whether it names this version (an alert without labels of ours names none)."""
        named = self.labels.get("version", ""), self.labels.get("model", "")
        return named[0] == version != "" and named[1] in {"", model}


def firing_now(visit: Visit) -> list[Firing]:
    return []


def marks(visit: Visit) -> list[dict[str, Any]]:
    return []

"""What fires now and what changed, for the pages that show it beside their own figures."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as lazy

from dashboards import colours
from dashboards.visit import Visit
from monitor.rules import read

STATES: Mapping[str, str | Promise] = {
    "firing": lazy("firing"), "pending": lazy("pending"), "resolved": lazy("resolved"),
    "inactive": lazy("inactive"), "unknown": lazy("unknown"),
}  # fmt: skip
# labels that say nothing to a person who already sees the name and the state
SILENT = {"alertname", "severity", "__name__"}


@dataclass(frozen=True, slots=True)
class Firing:
    """One alert that fires or is about to."""

    name: str
    severity: str
    state: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    value: float
    since: dt.datetime
    fingerprint: str
    expr: str

    @property
    def critical(self) -> bool:
        return self.severity in {"critical", "error", "page"}

    @property
    def tone(self) -> str:
        return "bad" if self.critical and self.state == "firing" else "warn"

    @property
    def state_text(self) -> str | Promise:
        return STATES.get(self.state, self.state)

    @property
    def summary(self) -> str:
        return self.annotations.get("summary") or self.annotations.get("description", "")

    @property
    def shown(self) -> list[tuple[str, str]]:
        """The labels that tell this alert from its like."""
        return [(name, value) for name, value in self.labels.items() if name not in SILENT]

    def concerns(self, model: str, version: str) -> bool:
        """Whether it names this version; one without a model or version of ours concerns none in particular."""
        named_model, named_version = self.labels.get("model", ""), self.labels.get("version", "")
        if not (named_model or named_version):
            return False
        return named_model in {"", model} and named_version in {"", version}


def active(visit: Visit) -> list[Firing]:
    """Everything firing or pending, the worst first."""
    return [
        Firing(
            row.name, row.severity, row.state, row.labels, row.annotations, row.value, row.fired_at or row.active_at,
            row.fingerprint, row.expr,
        )
        for row in read.alerts(visit.project_id, now=visit.now)
    ]  # fmt: skip


def firing_now(visit: Visit) -> list[Firing]:
    """What fires, the worst first; pending ones are no news yet."""
    return [alarm for alarm in active(visit) if alarm.state == "firing"]


def marks(visit: Visit) -> list[dict[str, Any]]:
    """Where alerts began to fire in the span, as marks for charts over time."""
    changes = read.history(visit.project_id, visit.span.start, visit.span.end, limit=200)
    return [
        {"time": int(change.at.timestamp() * 1000), "colour": colours.BAD if change.severity == "critical" else colours.WARN}
        for change in changes
        if change.to == "firing"
    ]  # fmt: skip

"""What an alert's value is held against: the limit in its rule's expression, and how the other versions do."""

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from monitor import query
from monitor.core.labels import NAME, Labels
from monitor.query import threshold

MOST_SIBLINGS = 3
HOLD = dt.timedelta(seconds=15)
Vector = list[tuple[Labels, float]]


@dataclass(slots=True)
class Comparer:
    """Answers for one run: alerts of one rule share a question."""

    _asked: dict[tuple[int, str], tuple[dt.datetime, Vector]] = field(default_factory=dict)

    def facts(self, project_id: int, alert: Mapping[str, Any], *, now: dt.datetime) -> dict[str, str]:
        """``limit`` and ``siblings`` of a stored alert, as far as they are known."""
        found = threshold.find(expr_of(alert["link"]))
        if found is None:
            return {}
        facts = {"limit": f"{found.op} {found.limit:.6g}"}
        labels = alert["labels"]
        if "version" in labels and alert["link"].startswith("/") and alert["ends_at"] is None:
            facts["siblings"] = _siblings(labels, self._ask(project_id, found.left, now))
        return facts

    def _ask(self, project_id: int, expr: str, now: dt.datetime) -> Vector:
        held = self._asked.get((project_id, expr))
        if held is None or now - held[0] >= HOLD:
            held = self._asked[project_id, expr] = (now, _answer(project_id, expr, now))
        return held[1]


def expr_of(link: str) -> str:
    """The expression in our own links and in Prometheus'."""
    try:
        found = parse_qs(urlsplit(link).query)
    except ValueError:
        return ""
    return (found.get("expr") or found.get("g0.expr") or [""])[0]


def _answer(project_id: int, expr: str, now: dt.datetime) -> Vector:
    """A message must not wait for figures that nobody can give."""
    try:
        result = query.instant(project_id, expr, now)
    except query.Failed:
        return []
    return [(labels.drop([NAME]), float(values[-1])) for labels, _, values in result.points()]


def _siblings(labels: Mapping[str, str], vector: Vector) -> str:
    """``v1: 0.31, v3: 0.4``: series that differ in nothing but the version."""
    found = []
    for other, value in vector:
        version = other.get("version", "")
        rest = other.drop(["version"])
        same = all(labels.get(name) == text for name, text in rest.items_sorted)
        if version and version != labels["version"] and same and not math.isnan(value):
            found.append(f"{version}: {value:.6g}")
    return ", ".join(sorted(found)[:MOST_SIBLINGS])

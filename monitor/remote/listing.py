"""Which series, labels and values there are, wherever the series lie: what the API's listings ask."""

from collections.abc import Sequence
from typing import Any

from monitor.core.labels import NAME, Labels, Matcher
from monitor.remote import connected
from monitor.remote.ask import LIST_SECONDS, told
from monitor.remote.scope import shown
from monitor.store.reading import select

# 2100: VictoriaMetrics finds nothing where more than a century is asked
FAR_MS = 4_102_444_800_000
Sets = Sequence[Sequence[Matcher]]


def series(project_id: int, sets: Sets, start_ms: int, end_ms: int) -> list[Labels]:
    """Label sets, sorted by name and labels; raises QueryError."""
    remote = connected.remote()
    if remote is None:
        return select.series(project_id, sets, start_ms, end_ms)
    rows = remote.listed(project_id, "series", _plain(sets), _span(start_ms, end_ms))
    found = [shown(Labels(row), remote.endpoint.label) for row in rows]
    return sorted(found, key=lambda one: (one.get(NAME, ""), one.items_sorted))


def label_names(project_id: int, sets: Sets, start_ms: int, end_ms: int) -> list[str]:
    """Label names in use, sorted; raises QueryError."""
    remote = connected.remote()
    if remote is None:
        return select.label_names(project_id, sets, start_ms, end_ms)
    found = remote.listed(project_id, "labels", _plain(sets), _span(start_ms, end_ms))
    return sorted(set(found) - {remote.endpoint.label})


def label_values(project_id: int, name: str, sets: Sets, start_ms: int, end_ms: int) -> list[str]:
    """Values of one label in use, sorted; raises QueryError."""
    remote = connected.remote()
    if remote is None:
        return select.label_values(project_id, name, sets, start_ms, end_ms)
    if name == remote.endpoint.label:
        return []
    return sorted(remote.listed(project_id, f"label/{name}/values", _plain(sets), _span(start_ms, end_ms)))


def metadata(names: Sequence[str]) -> dict[str, list[dict[str, str]]]:
    """What the store elsewhere knows about these metrics; nothing where series lie at home."""
    remote = connected.remote()
    if remote is None:
        return {}
    found: dict[str, Any] = told(lambda: remote.endpoint.ask("metadata", [], LIST_SECONDS))["data"]
    return {name: found[name] for name in names if found.get(name)}


def _plain(sets: Sets) -> list[tuple[Matcher, ...]]:
    return [tuple(one) for one in sets]


def _span(start_ms: int, end_ms: int) -> tuple[int, ...]:
    """Within what every store can read: nothing before 1970; no end stands for now."""
    return (max(0, start_ms), end_ms) if end_ms < FAR_MS else (max(0, start_ms),)

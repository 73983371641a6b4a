"""Lines over time for the pages: one per version in its colour, on the axis of the visit."""

from typing import Any

from dashboards import ask
from dashboards.panels.base import Frame
from dashboards.visit import Visit

POINTS = 120


def by_version(visit: Visit, expr: str) -> list[Frame] | ask.AskError:
    """One frame per version in its colour; a failed question comes back as the error, to be shown."""
    try:
        found = ask.frames(visit.project_id, expr, visit.span, POINTS, name=ask.version_of)
    except ask.AskError as error:
        return error
    coloured = [
        Frame(frame.name, frame.columns, frame.labels, visit.colours.get(frame.name, "")) for frame in found
    ]
    order = list(visit.colours)
    return sorted(coloured, key=lambda frame: order.index(frame.name) if frame.name in order else len(order))


def pinned(visit: Visit) -> dict[str, Any]:
    """The options that pin a time axis to the span of the visit."""
    return {
        "start_ms": int(visit.span.start.timestamp() * 1000),
        "end_ms": int(visit.span.end.timestamp() * 1000),
        "uirevision": visit.span.quick or "fixed",
    }

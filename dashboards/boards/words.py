"""What PromQL fields complete: names of series, labels, functions with their help, and the values of a label."""

from typing import Any

from django.utils.translation import gettext

from dashboards import ask
from dashboards.boards import known as names
from dashboards.visit import Visit
from monitor import query

MOST = 5_000
MOST_VALUES = 200


def known(visit: Visit) -> dict[str, Any]:
    """Everything that can be offered without knowing what is asked; nothing of a store that does not answer."""
    found: dict[str, Any] = {"series": [], "labels": []}
    try:
        found["series"] = sorted(names.names(visit.project_id, visit.span.end))[:MOST]
        found["labels"] = names.labels(visit.project_id, visit.span.end)[:MOST]
    except ask.AskError:
        # functions are offered all the same
        pass
    return found | {"functions": {one.name: f"{one.signature}: {said(one)}" for one in query.functions()}}


def said(function: query.FunctionHelp) -> str:
    """What a function does, in the reader's language and without marks of code."""
    return gettext(function.help).replace("``", "")


def values(visit: Visit, label: str, metric: str) -> list[str]:
    """The values of a label, of one metric or of all; nothing where that can't be asked."""
    if not label.replace("_", "a").isalnum():
        return []
    try:
        if not metric:
            return names.values(visit.project_id, label, visit.span.end)[:MOST_VALUES]
        rows = names.asked(
            visit.project_id,
            f"group by ({label}) (last_over_time({{__name__={ask.quoted(metric)}}}[1h]))",
            visit.span.end,
        )
    except ask.AskError:
        return []
    return sorted({row.get(label, "") for row in rows} - {""})[:MOST_VALUES]

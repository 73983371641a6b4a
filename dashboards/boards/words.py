"""What the PromQL fields of boards complete: names of series, labels, functions with their help, variables, values."""

import json

from dashboards import ask
from dashboards.boards import known as names
from dashboards.boards.document import Board
from dashboards.visit import Visit
from monitor import query

MOST = 5_000
MOST_VALUES = 200
BUILT_IN = ("$__rate_interval", "$__interval", "$__range")


def known(visit: Visit, board: Board) -> str:
    """As JSON that may stand inside a script element."""
    found = {
        "series": sorted(names.names(visit.project_id, visit.span.end))[:MOST],
        "labels": names.labels(visit.project_id, visit.span.end)[:MOST],
        "functions": [one.name for one in query.functions()],
        "help": {one.name: f"{one.signature}: {one.help}" for one in query.functions()},
        "variables": [*(f"${one.name}" for one in board.variables), *BUILT_IN],
    }
    text = json.dumps(found, ensure_ascii=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


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

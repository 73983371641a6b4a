"""A board of ours as Grafana reads it (schema 39), with a Prometheus data source to be chosen at import."""

from typing import Any

import msgspec

from dashboards.boards.document import Board, Panel, Variable, Wording
from dashboards.boards.fill import ALL
from dashboards.boards.grafana import colours
from dashboards.boards.units import OURS
from dashboards.boards.variables import AUTO, AUTO_PARTS

KINDS = {
    "timeseries": "timeseries", "stat": "stat", "gauge": "gauge", "bargauge": "bargauge", "bar": "barchart", "pie": "piechart",
    "histogram": "histogram", "heatmap": "heatmap", "table": "table", "states": "state-timeline", "compare": "table", "text": "text",
}  # fmt: skip
UNITS = {
    "seconds": "s", "ratio": "percentunit", "bytes": "bytes", "number": "short", "count": "short", "usd": "currencyUSD", "watts": "watt",
    "celsius": "celsius", "hertz": "hertz", "per_second": "ops", "tokens": "suffix:tok", "tokens_per_second": "suffix:tok/s", "score": "none", "effect": "none",
}  # fmt: skip
SOURCE = {"type": "prometheus", "uid": "${DS_PROMETHEUS}"}
SHAPES = {"series": "time_series", "table": "table", "heatmap": "heatmap"}
ORDERS = {"up": 1, "down": 2, "number": 3, "number down": 4}
KINDS_OF_VARIABLES = {"text": "textbox"}
BY = {"name": "byName", "regex": "byRegexp", "names": "byNames", "kind": "byType", "query": "byFrameRefID"}


def text(board: Board, uid: str) -> str:
    return msgspec.json.format(msgspec.json.encode(document(board, uid)), indent=2).decode()


def document(board: Board, uid: str) -> dict[str, Any]:
    return {
        "__inputs": [{"name": "DS_PROMETHEUS", "label": "Vigil", "type": "datasource", "pluginId": "prometheus", "pluginName": "Prometheus"}],
        "uid": uid, "title": board.title, "description": board.about, "tags": board.tags, "schemaVersion": 39, "editable": True,
        "time": {"from": f"now-{board.range}", "to": "now"}, "refresh": f"{board.refresh}s" if board.refresh else "",
        "templating": {"list": [_variable(one) for one in board.variables if one.kind != "datasource"]},
        "annotations": {"list": [
            {"name": one.name, "enable": one.on, "expr": one.expr, "datasource": SOURCE, "iconColor": colours.BACK.get(one.colour, "red")}
            for one in board.annotations if one.kind == "query"
        ]},
        "links": [{"title": one.title, "url": one.url, "type": "link", "keepTime": one.keep_time} for one in board.links],
        "panels": _panels(board),
    }  # fmt: skip


def _variable(one: Variable) -> dict[str, Any]:
    chosen: Any = one.chosen if one.many else "".join(one.chosen[:1])
    found: dict[str, Any] = {
        "name": one.name, "type": KINDS_OF_VARIABLES.get(one.kind, one.kind), "label": one.label, "query": one.query, "multi": one.many,
        "includeAll": one.all, "allValue": one.all_value or None, "regex": one.regex, "hide": 2 if one.hidden else 0,
        "sort": ORDERS.get(one.order, 0), "current": {"value": chosen, "text": "All" if ALL in one.chosen else chosen},
    }  # fmt: skip
    if one.kind == "query":
        found |= {"datasource": SOURCE, "refresh": 2, "definition": one.query}
    if one.choices:
        found["options"] = [
            {"value": each.value, "text": each.text or each.value, "selected": each.value in one.chosen}
            for each in one.choices
        ]
        found["query"] = one.query or ",".join(each.value for each in one.choices)
    return _automatic(found) if one.kind == "interval" and AUTO in found["query"] else found


def _automatic(found: dict[str, Any]) -> dict[str, Any]:
    """Grafana has a switch for the interval that follows the time range, and its value carries the variable's name."""
    rest = [part for part in found["query"].split(",") if AUTO not in part]
    current = found["current"]
    if AUTO in current["value"]:
        current = {"value": f"{AUTO}_interval_{found['name']}", "text": "auto"}
    return {**found, "query": ",".join(rest), "auto": True, "auto_count": AUTO_PARTS, "auto_min": "1m", "current": current, "options": []}  # fmt: skip


def _panels(board: Board) -> list[dict[str, Any]]:
    """Panels of folded rows lie inside their row, the others behind it; rows get a line of their own."""
    found: list[dict[str, Any]] = []
    row: dict[str, Any] | None = None
    top, low = 0, 0
    base = min((panel.y for panel in board.panels if panel.kind != "row"), default=0)
    for place, panel in enumerate(board.panels):
        if panel.kind == "row":
            top = low
            inside = _of_row(board, place)
            base = min((one.y for one in inside), default=0)
            row = {
                "id": panel.id,
                "type": "row",
                "title": panel.title,
                "collapsed": panel.collapsed,
                "repeat": panel.repeat or None,
                "gridPos": {"x": 0, "y": top, "w": 24, "h": 1},
                "panels": [],
            }
            found.append(row)
            top, low = top + 1, low + 1
            continue
        made = _panel(panel, top + panel.y - base)
        low = max(low, made["gridPos"]["y"] + panel.h)
        if row is not None and row["collapsed"]:
            row["panels"].append(made)
        else:
            found.append(made)
    return found


def _of_row(board: Board, place: int) -> list[Panel]:
    inside = []
    for panel in board.panels[place + 1 :]:
        if panel.kind == "row":
            break
        inside.append(panel)
    return inside


def _panel(panel: Panel, y: int) -> dict[str, Any]:
    steps = panel.thresholds or []
    return {
        "id": panel.id, "type": KINDS[panel.kind], "title": panel.title, "description": panel.about, "datasource": SOURCE,
        "gridPos": {"x": panel.x, "y": y, "w": panel.w, "h": panel.h},
        "repeat": panel.repeat or None, "repeatDirection": "v" if panel.downwards else "h",
        "targets": [
            {
                "refId": one.ref, "expr": one.expr, "legendFormat": one.legend or "__auto", "format": SHAPES.get(one.shape, "time_series"),
                "instant": one.instant, "range": not one.instant, "hide": one.hidden, "interval": one.least_step, "datasource": SOURCE,
            }
            for one in panel.queries
        ],
        "fieldConfig": {
            "defaults": {
                **({"unit": UNITS.get(panel.unit, panel.unit) if panel.unit in OURS else panel.unit} if panel.unit else {}),
                **{name: value for name, value in (("min", panel.low), ("max", panel.high), ("decimals", panel.decimals)) if value is not None},
                "thresholds": {"mode": "percentage" if panel.in_percent else "absolute", "steps": [{"color": colours.BACK.get(one.colour, "text"), "value": one.value} for one in steps] or [{"color": "text", "value": None}]},
                "mappings": [_wording(one) for one in panel.wordings], "custom": _custom(panel),
            },
            "overrides": [_override(one) for one in panel.overrides],
        },
        "transformations": [{"id": one.kind, "options": one.options} for one in panel.transformations],
        "options": _options(panel), "maxDataPoints": panel.options.get("most_points"),
        "timeFrom": panel.options.get("range"), "timeShift": panel.options.get("shift"),
        "links": [{"title": one.title, "url": one.url, "keepTime": one.keep_time} for one in panel.links],
    }  # fmt: skip


def _custom(panel: Panel) -> dict[str, Any]:
    given = panel.options
    if panel.kind != "timeseries":
        return {}
    stack = given.get("stack")
    return {
        "drawStyle": given.get("style") or "line", "fillOpacity": given.get("fill", 0),
        "stacking": {"mode": stack if stack in {"normal", "percent"} else "normal" if stack else "none"},
        "scaleDistribution": {"type": "log", "log": 10} if given.get("log") else {"type": "linear"},
        "lineInterpolation": "stepAfter" if given.get("steps") else "linear", "spanNulls": bool(given.get("connect")),
        "thresholdsStyle": {"mode": "line" if given.get("limits") else "off"},
    }  # fmt: skip


def _options(panel: Panel) -> dict[str, Any]:
    given = panel.options
    if panel.kind == "text":
        return {"mode": given.get("mode") or "markdown", "content": given.get("content", "")}
    if panel.kind in {"stat", "gauge", "bargauge", "pie"}:
        return {
            "reduceOptions": {"calcs": [given.get("calc") or "lastNotNull"], "values": bool(given.get("rows")), "fields": given.get("fields", "")},
            "graphMode": "area" if given.get("graph") else "none",
            "colorMode": "background" if given.get("colour") == "background" else "value",
            "textMode": "value_and_name" if given.get("named") else "auto",
        }  # fmt: skip
    if panel.kind == "timeseries":
        legend = given.get("legend")
        return {"legend": {"showLegend": legend != "hidden", "displayMode": "table" if legend == "table" else "list", "placement": "bottom", "calcs": [given["calc"]] if given.get("calc") else []}, "tooltip": {"mode": "multi"}}  # fmt: skip
    if panel.kind == "bar":
        return {
            "orientation": "horizontal" if given.get("lying") else "auto",
            "stacking": "normal" if given.get("stack") else "none",
            "xField": given.get("x", ""),
        }
    return {}


def _wording(one: Wording) -> dict[str, Any]:
    shown = {"text": one.text, **({"color": colours.BACK[one.colour]} if one.colour in colours.BACK else {})}
    match one.kind:
        case "range":
            return {"type": "range", "options": {"from": one.low, "to": one.high, "result": shown}}
        case "regex":
            return {"type": "regex", "options": {"pattern": one.match, "result": shown}}
        case "special":
            return {"type": "special", "options": {"match": one.match, "result": shown}}
        case _:
            return {"type": "value", "options": {one.match: shown}}


def _override(one: Any) -> dict[str, Any]:
    options: Any = (
        {"mode": "exclude" if one.others else "include", "names": one.match.split("\n")}
        if one.by == "names"
        else one.match
    )
    pairs = (
        ("unit", UNITS.get(one.unit, one.unit)), ("displayName", one.title), ("decimals", one.decimals),
        ("color", {"mode": "fixed", "fixedColor": colours.BACK[one.colour]} if one.colour in colours.BACK else None),
        ("custom.hideFrom", {"viz": True, "legend": True, "tooltip": True} if one.hidden else None),
        ("custom.axisPlacement", "right" if one.right else None), ("custom.transform", "negative-Y" if one.below else None), ("links", [{"title": "", "url": one.link}] if one.link else None),
    )  # fmt: skip
    return {"matcher": {"id": BY.get(one.by, "byName"), "options": options}, "properties": [{"id": name, "value": value} for name, value in pairs if value not in (None, "")]}  # fmt: skip

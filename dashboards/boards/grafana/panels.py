"""One panel of Grafana's as one of ours."""

import re
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from dashboards.boards.document import COLUMNS, Link, Panel, Query, Transformation
from dashboards.boards.grafana import manners, queries
from dashboards.boards.grafana.report import Json, Report, listed, mapping, number, text, whole
from dashboards.boards.transform import every

KINDS = {
    "timeseries": "timeseries", "graph": "timeseries", "trend": "timeseries", "candlestick": "timeseries", "stat": "stat",
    "singlestat": "stat", "grafana-singlestat-panel": "stat", "gauge": "gauge", "bargauge": "bargauge", "barchart": "bar",
    "piechart": "pie", "grafana-piechart-panel": "pie", "histogram": "histogram", "heatmap": "heatmap", "heatmap-new": "heatmap",
    "table": "table", "table-old": "table", "state-timeline": "states", "status-history": "states", "text": "text", "row": "row",
    "grafana-polystat-panel": "stat", "vonage-status-panel": "stat", "natel-discrete-panel": "states", "flant-statusmap-panel": "states",
    "marcusolsson-hourly-heatmap-panel": "heatmap", "graph2": "timeseries", "natel-plotly-panel": "timeseries",
    "xychart": "timeseries", "singlestat2": "stat", "michaeldmoore-multistat-panel": "bargauge", "snuids-trafficlights-panel": "stat",
    "volkovlabs-table-panel": "table", "yesoreyeram-boomtable-panel": "table", "ae3e-plotly-panel": "timeseries",
    "nline-plotlyjs-panel": "timeseries", "geomap": "table", "grafana-worldmap-panel": "table", "alertlist": "table",
    "marcusolsson-dynamictext-panel": "text", "welcome": "text", "gettingstarted": "text",
}  # fmt: skip
FIRING = 'ALERTS{alertstate="firing"}'
_NO_MAP = lazy("the map; its numbers stand in a table")
_NO_SCRIPT = lazy("its own script; lines over time instead")
# drawn, but not as it was meant
OTHERWISE = {
    "geomap": _NO_MAP, "grafana-worldmap-panel": _NO_MAP, "ae3e-plotly-panel": _NO_SCRIPT, "nline-plotlyjs-panel": _NO_SCRIPT,
    "marcusolsson-dynamictext-panel": lazy("the placeholders of its text"),
}  # fmt: skip
NOT_IN_FILE = lazy("a library panel, whose content is not in the file")
LEFT_OUT = (("alert", lazy("the old alert; make a rule of it")),)
OWN_TIME = (
    ("timeFrom", "range", lazy("the time range of its own")),
    ("timeShift", "shift", lazy("the time shift")),
)
# a duration, or a variable that holds one
PLAIN_TIME = re.compile(r"^(?:now-)?(\d+[smhdwy]|\$\{?\w+\}?)$")
CALCULATIONS = {"current": "lastNotNull", "avg": "mean", "total": "sum", "name": "lastNotNull"}
STACKS = {"normal": "normal", "percent": "percent"}


def of(source: Json, number_: int, report: Report) -> Panel:
    """The panel; one of an unknown kind becomes a text that says so."""
    where = text(source.get("title")) or f"#{whole(source.get('id'), number_)}"
    kind = KINDS.get(text(source.get("type")), "")
    place = mapping(source.get("gridPos"))
    panel = Panel(
        number_, kind or "text", text(source.get("title")), text(source.get("description")),
        whole(place.get("x"), 0), whole(place.get("y"), 0), min(whole(place.get("w"), 12), COLUMNS), whole(place.get("h"), 8),
    )  # fmt: skip
    panel.repeat = text(source.get("repeat"))
    panel.downwards = source.get("repeatDirection") == "v"
    panel.collapsed = bool(source.get("collapsed", source.get("collapse")))
    panel.links = [
        Link(text(one.get("title")), text(one.get("url")), bool(one.get("keepTime")))
        for one in listed(source.get("links"))
        if text(one.get("url"))
    ]
    if not kind:
        return _unknown(panel, source, where, report)
    if source.get("libraryPanel") and not source.get("targets"):
        report.lose(where, str(NOT_IN_FILE))
    if kind == "row":
        panel.x, panel.w, panel.h = 0, COLUMNS, 1
        return panel
    panel.queries = queries.of(source, where, report)
    if source.get("type") == "alertlist":
        panel.queries = [Query(FIRING, shape="table", instant=True)]
    if source.get("type") in OTHERWISE:
        report.lose(where, str(OTHERWISE[text(source.get("type"))]))
    manners.dress(panel, source, report)
    panel.transformations = _transformations(source, where, report)
    panel.options = _options(panel, source)
    if source.get("maxPerRow"):
        panel.options["most_across"] = whole(source["maxPerRow"], 4)
    _of_time(panel, source, where, report)
    return panel


def _of_time(panel: Panel, source: Json, where: str, report: Report) -> None:
    """A time of its own, and what can't be taken at all."""
    for name, said in LEFT_OUT:
        if source.get(name):
            report.lose(where, str(said))
    for name, option, said in OWN_TIME:
        given = PLAIN_TIME.match(text(source.get(name)))
        if given:
            panel.options[option] = given[1]
        elif text(source.get(name)):
            report.lose(where, str(said))


def _unknown(panel: Panel, source: Json, where: str, report: Report) -> Panel:
    kind = text(source.get("type")) or "?"
    library = bool(source.get("libraryPanel"))
    lost = _("a panel of the kind %(kind)s, which Vigil does not draw") % {"kind": kind}
    report.lose(where, str(NOT_IN_FILE) if library else lost)
    asked = queries.of(source, where, report)
    if asked:
        # its numbers can be shown all the same
        panel.kind, panel.queries = "timeseries", asked
        manners.dress(panel, source, report)
        panel.kind = "table" if all(one.instant or one.shape == "table" for one in asked) else "timeseries"
        return panel
    said = _("Vigil does not draw panels of the kind %(kind)s.") % {"kind": f"`{kind}`"}
    panel.options = {"content": str(NOT_IN_FILE) if library else said}
    return panel


def _transformations(source: Json, where: str, report: Report) -> list[Transformation]:
    known = every()
    found = []
    for one in listed(source.get("transformations")):
        name, options = text(one.get("id")), dict(mapping(one.get("options")))
        if one.get("disabled"):
            continue
        if name not in known:
            report.lose(where, _("the transformation %(name)s") % {"name": name})
            continue
        found.append(Transformation(name, options))
    if source.get("type") in {"table", "table-old"} and source.get("transform") == "timeseries_aggregations":
        columns = [text(one.get("value")) for one in listed(source.get("columns"))] or ["avg"]
        found.append(Transformation("reduce", {"reducers": [CALCULATIONS.get(one, one) for one in columns]}))
    return found


def _options(panel: Panel, source: Json) -> dict[str, Any]:
    options = mapping(source.get("options"))
    custom = mapping(mapping(mapping(source.get("fieldConfig")).get("defaults")).get("custom"))
    match panel.kind:
        case "timeseries":
            found = _of_lines(source, options, custom)
        case "stat" | "gauge" | "bargauge" | "pie":
            found = _of_numbers(panel, source, options)
        case "bar":
            found = {
                "stack": options.get("stacking") in {"normal", "percent"},
                "lying": options.get("orientation") == "horizontal",
                "x": text(options.get("xField")),
            }
        case "histogram":
            found = {
                "bucket_size": number(options.get("bucketSize")),
                "bucket_count": number(options.get("bucketCount")),
            }
        case "heatmap":
            if not panel.unit:
                panel.unit = text(mapping(options.get("yAxis")).get("unit")) or text(
                    mapping(source.get("yAxis")).get("format")
                )
            found = {}
        case "text":
            content = text(options.get("content")) or text(source.get("content"))
            found = {"content": content, "mode": text(options.get("mode")) or text(source.get("mode"))}
        case _:
            found = {}
    if whole(source.get("maxDataPoints"), 0) > 1:
        found["most_points"] = max(whole(source["maxDataPoints"], 0), 20)
    return {name: value for name, value in found.items() if value not in (None, "", False, 0)}


def _of_lines(source: Json, options: Json, custom: Json) -> dict[str, Any]:
    stack = STACKS.get(text(mapping(custom.get("stacking")).get("mode")), "")
    if source.get("stack"):
        stack = "percent" if source.get("percentage") else "normal"
    axis = next(iter(listed(source.get("yaxes"))), {})
    style = text(custom.get("drawStyle")) or (
        "bars" if source.get("bars") and not source.get("lines", True) else "line"
    )
    legend = mapping(options.get("legend")) or mapping(source.get("legend"))
    hidden = (
        legend.get("showLegend") is False
        or legend.get("displayMode") == "hidden"
        or legend.get("show") is False
    )
    fill = (
        number(custom.get("fillOpacity"))
        if "fillOpacity" in custom
        else (number(source.get("fill")) or 0) * 10
    )
    calcs = legend.get("calcs") or []
    return {
        "style": style if style != "line" else "", "stack": stack, "fill": min(fill or 0, 100),
        "log": mapping(custom.get("scaleDistribution")).get("type") == "log" or (number(axis.get("logBase")) or 1) > 1,
        "steps": text(custom.get("lineInterpolation")).startswith("step") or bool(source.get("steppedLine")),
        "connect": custom.get("spanNulls") is True or source.get("nullPointMode") == "connected",
        "limits": mapping(custom.get("thresholdsStyle")).get("mode", "off") != "off" or bool(listed(source.get("thresholds"))),
        "legend": "hidden" if hidden else "table" if legend.get("displayMode") == "table" or legend.get("alignAsTable") else "",
        "calc": text(calcs[0]) if calcs and isinstance(calcs, list) else "",
    }  # fmt: skip


def _of_numbers(panel: Panel, source: Json, options: Json) -> dict[str, Any]:
    reduce = mapping(options.get("reduceOptions")) or mapping(options.get("fieldOptions"))
    calcs = reduce.get("calcs")
    calc = text(calcs[0]) if isinstance(calcs, list) and calcs else text(source.get("valueName"))
    mode = text(options.get("colorMode"))
    if panel.kind == "stat" and mapping(source.get("gauge")).get("show"):
        panel.kind = "gauge"
    return {
        "calc": CALCULATIONS.get(calc, calc), "rows": bool(reduce.get("values")), "fields": text(reduce.get("fields")),
        "graph": options.get("graphMode") == "area" or bool(mapping(source.get("sparkline")).get("show")),
        "colour": "background" if mode.startswith("background") or source.get("colorBackground") else "",
        "named": options.get("textMode") in {"value_and_name", "name"},
    }  # fmt: skip

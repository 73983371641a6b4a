"""Grafana's targets as queries of ours; old names of engines become today's."""

import re
from collections.abc import Mapping

from django.utils.translation import gettext as _

from dashboards.boards import spelling
from dashboards.boards.document import Query
from dashboards.boards.grafana.report import Json, Report, listed, mapping, text

SHAPES = {"time_series": "series", "table": "table", "heatmap": "heatmap"}
KNOWN_SOURCES = {"prometheus", "", "datasource", "mixed", "__expr__", "grafana-amazonprometheus-datasource", "victoriametrics-metrics-datasource", "-- mixed --", "influxdb?"}  # fmt: skip
REFERENCE = re.compile(r"\$\{?([A-Z][A-Za-z0-9_]*)\}?")
REDUCERS = {
    "mean": "avg",
    "avg": "avg",
    "max": "max",
    "min": "min",
    "sum": "sum",
    "last": "last",
    "count": "count",
}


def of(panel: Json, where: str, report: Report) -> list[Query]:
    found: dict[str, Query] = {}
    for place, target in enumerate(listed(panel.get("targets"))):
        ref = text(target.get("refId")) or chr(ord("A") + place % 26)
        query = (
            _expression(target, ref, found, where, report)
            if _is_expression(target)
            else _query(target, ref, panel, where, report)
        )
        if query is not None:
            found[ref] = query
    return list(found.values())


def _is_expression(target: Json) -> bool:
    source = mapping(target.get("datasource"))
    return (
        source.get("type") == "__expr__"
        or source.get("uid") in {"__expr__", "-100"}
        or (
            target.get("type") in {"math", "reduce", "threshold", "resample", "classic_conditions"}
            and "expression" in target
        )
    )


def _query(target: Json, ref: str, panel: Json, where: str, report: Report) -> Query | None:
    for holder in (target, panel):
        source = holder.get("datasource")
        kind = text(mapping(source).get("type"))
        if kind and kind not in KNOWN_SOURCES and not kind.startswith(("grafana", "$")):
            said = _("query %(ref)s asks the data source %(kind)s; only PromQL can be asked")
            report.lose(where, said % {"ref": ref, "kind": kind})
            return None
    expr = text(target.get("expr")) or text(target.get("query"))
    if not expr.strip():
        if target.get("rawSql") or target.get("queryType") or target.get("target"):
            report.lose(where, _("query %(ref)s is not PromQL") % {"ref": ref})
        return None
    return Query(
        expr=renamed(expr.strip(), where, report),
        ref=ref,
        legend=text(target.get("legendFormat")).replace("__auto", ""),
        shape=SHAPES.get(text(target.get("format")), "series"),
        instant=bool(target.get("instant")) and not target.get("range"),
        hidden=bool(target.get("hide")),
        least_step=text(target.get("interval")),
    )


def renamed(expr: str, where: str, report: Report) -> str:
    """The expression with today's names; what was renamed, and what has no successor, is told."""
    found, changes, gone = spelling.renewed(expr)
    report.renamed.update(changes)
    for name in gone:
        report.gone[name] = None
        said = _("%(name)s is no longer sent by any engine and has no successor")
        report.lose(where, said % {"name": name})
    return found


def _expression(
    target: Json, ref: str, queries: Mapping[str, Query], where: str, report: Report
) -> Query | None:
    """Arithmetic over other queries, as PromQL over their expressions."""
    text_of = text(target.get("expression"))
    kind = text(target.get("type"))
    hidden = bool(target.get("hide"))
    missing = [name for name in REFERENCE.findall(text_of) if name not in queries]
    if kind == "math" and text_of and not missing:
        expr = (
            REFERENCE.sub(lambda found: f"({queries[found[1]].expr})", text_of)
            .replace("&&", " and ")
            .replace("||", " or ")
        )
        names = REFERENCE.findall(text_of)
        instant = bool(names) and all(queries[name].instant for name in names)
        return Query(expr, ref, text(target.get("legendFormat")), "series", instant, hidden)
    base = queries.get(text_of.strip("${} "))
    if kind == "reduce" and base is not None and text(target.get("reducer")) in REDUCERS:
        work = REDUCERS[text(target.get("reducer"))]
        return Query(
            f"{work}_over_time(({base.expr})[$__range:$__interval])",
            ref,
            base.legend,
            "series",
            instant=True,
            hidden=hidden,
        )
    said = _("query %(ref)s is an expression of the kind %(kind)s, which PromQL can't say")
    report.lose(where, said % {"ref": ref, "kind": kind or "?"})
    return None

"""Grafana's field configuration, old and new, as the manners of a panel."""

from typing import Any

from django.utils.translation import gettext as _

from dashboards.boards.document import Override, Panel, Threshold, Wording
from dashboards.boards.grafana import colours
from dashboards.boards.grafana.report import Json, Report, listed, mapping, number, text, whole

BY = {"byName": "name", "byRegexp": "regex", "byNames": "names", "byType": "kind", "byFrameRefID": "query"}
PLAIN = {"unit": "unit", "displayName": "title"}
SILENT_PROPERTIES = {
    "custom.lineWidth", "custom.fillOpacity", "custom.lineStyle", "custom.pointSize", "custom.showPoints", "custom.drawStyle",
    "custom.align", "custom.width", "custom.stacking", "custom.lineInterpolation", "custom.gradientMode", "custom.spanNulls",
    "custom.barAlignment", "custom.fillBelowTo", "custom.hideFrom", "custom.filterable", "custom.axisLabel",
    "custom.minWidth", "noValue", "min", "max", "thresholds", "mappings", "custom.displayMode", "custom.cellOptions", "description",
    "custom.axisColorMode", "custom.axisCenteredZero", "custom.scaleDistribution", "custom.inspect", "custom.legend", "filterable",
}  # fmt: skip


def dress(panel: Panel, source: Json, report: Report) -> None:
    """Unit, limits, thresholds, wordings and overrides, wherever the version of Grafana kept them."""
    config = mapping(source.get("fieldConfig"))
    usual = mapping(config.get("defaults"))
    old = mapping(mapping(source.get("options")).get("fieldOptions"))
    usual = {**mapping(old.get("defaults")), **usual}
    panel.unit = text(usual.get("unit")) or _old_unit(source)
    panel.decimals = _decimals(usual.get("decimals", source.get("decimals")))
    panel.low, panel.high = number(usual.get("min")), number(usual.get("max"))
    axis = next(iter(listed(source.get("yaxes"))), {})
    if panel.kind == "timeseries" and axis:
        panel.low = number(axis.get("min")) if panel.low is None else panel.low
        panel.high = number(axis.get("max")) if panel.high is None else panel.high
    scale = mapping(source.get("gauge"))
    if panel.kind == "gauge" and scale:
        panel.low = number(scale.get("minValue")) if panel.low is None else panel.low
        panel.high = number(scale.get("maxValue")) if panel.high is None else panel.high
    thresholds = mapping(usual.get("thresholds"))
    panel.in_percent = thresholds.get("mode") == "percentage"
    panel.thresholds = steps(thresholds) or _old_steps(source)
    panel.wordings = wordings(usual.get("mappings")) or _old_wordings(source)
    if text(usual.get("noValue")):
        panel.wordings.append(Wording("special", "null", None, None, text(usual.get("noValue"))))
    panel.overrides = (
        [
            made
            for one in listed(config.get("overrides"))
            if (made := _override(one, panel.title, report)) is not None
        ]
        + _series_overrides(source)
        + _styles(source)
        + _links(panel, usual, report)
    )


def _decimals(value: Any) -> int | None:
    found = number(value)
    return None if found is None else max(0, int(found))


def _old_unit(source: Json) -> str:
    axis = next(iter(listed(source.get("yaxes"))), {})
    options = mapping(mapping(source.get("options")).get("fieldOptions"))
    return (
        text(source.get("format"))
        or text(axis.get("format"))
        or text(options.get("unit"))
        or text(mapping(source.get("yAxis")).get("format"))
    )


def steps(thresholds: Json) -> list[Threshold]:
    found = [
        Threshold(colours.token(text(one.get("color"))) or "neutral", number(one.get("value")))
        for one in listed(thresholds.get("steps"))
    ]
    if found and found[0].value is not None:
        found[0] = Threshold(found[0].colour)
    plain = {("good", None), ("bad", 80.0)}
    # what Grafana puts into every new panel says nothing about this one
    return [] if {(one.colour, one.value) for one in found} in (plain, {("neutral", None)}) else found


def _old_steps(source: Json) -> list[Threshold]:
    limits = source.get("thresholds")
    if isinstance(limits, str) and limits.strip():
        values = [number(part) for part in limits.split(",")]
        shades = [colours.token(text(one)) or "neutral" for one in source.get("colors") or []] or [
            "good",
            "warn",
            "bad",
        ]
        return [Threshold(shades[place % len(shades)], value) for place, value in enumerate([None, *values])]
    return [
        Threshold(
            {"critical": "bad", "warning": "warn", "ok": "good"}.get(text(one.get("colorMode")), "warn"),
            number(one.get("value")),
        )
        for one in listed(limits)
        if number(one.get("value")) is not None and one.get("op") == "gt"
    ]


def wordings(mappings: Any) -> list[Wording]:
    found: list[Wording] = []
    for one in listed(mappings):
        options = one.get("options")
        kind = one.get("type")
        if kind == "value" and isinstance(options, dict):
            found += [
                Wording(
                    "value",
                    key,
                    None,
                    None,
                    text(mapping(shown).get("text")),
                    colours.token(text(mapping(shown).get("color"))),
                )
                for key, shown in options.items()
            ]
        elif kind in {"range", "regex", "special"} and isinstance(options, dict):
            shown = mapping(options.get("result"))
            found.append(Wording(
                kind, text(options.get("pattern") or options.get("match")), number(options.get("from")), number(options.get("to")),
                text(shown.get("text")), colours.token(text(shown.get("color"))),
            ))  # fmt: skip
        elif kind in {1, 2, None} and "text" in one:
            found.append(_old_wording(one))
    return found


def _old_wording(one: Json) -> Wording:
    if one.get("type") == 2 or ("from" in one and "to" in one and one.get("type") != 1):
        low, high = number(one.get("from")), number(one.get("to"))
        if low is not None or high is not None:
            return Wording("range", "", low, high, text(one.get("text")))
    value = text(one.get("value"))
    return (
        Wording("special", "null", None, None, text(one.get("text")))
        if value in {"null", ""}
        else Wording("value", value, None, None, text(one.get("text")))
    )


def _old_wordings(source: Json) -> list[Wording]:
    return [_old_wording({**one, "type": 1}) for one in listed(source.get("valueMaps"))] + [
        _old_wording({**one, "type": 2})
        for one in listed(source.get("rangeMaps"))
        if number(one.get("from")) is not None
    ]


def _override(one: Json, where: str, report: Report) -> Override | None:
    rule = mapping(one.get("matcher"))
    options = rule.get("options")
    made = Override()
    if rule.get("id") == "byNames":
        names = mapping(options)
        made.by, made.match = "names", "\n".join(text(name) for name in names.get("names") or [])
        made.others = names.get("mode") == "exclude"
    elif rule.get("id") in BY:
        made.by, made.match = BY[rule["id"]], text(options)
    elif rule.get("id") == "byValue":
        # series that are empty or zero, hidden: only a matter of looks
        return None
    else:
        report.lose(where, _("an override for %(rule)s") % {"rule": text(rule.get("id")) or "?"})
        return None
    useful = False
    for each in listed(one.get("properties")):
        useful = _property(made, text(each.get("id")), each.get("value"), where, report) or useful
    return made if useful else None


def _property(made: Override, name: str, value: Any, where: str, report: Report) -> bool:
    """Whether the property says something that we can show."""
    match name:
        case "unit" | "displayName":
            setattr(made, PLAIN[name], text(value))
        case "color":
            made.colour = colours.token(text(mapping(value).get("fixedColor")))
        case "decimals":
            made.decimals = _decimals(value)
        case "custom.axisPlacement":
            made.right, made.hidden = value == "right", False
        case "custom.transform":
            made.below = value == "negative-Y"
        case "custom.hidden":
            made.hidden = bool(value)
        case "custom.hideFrom" if mapping(value).get("viz"):
            made.hidden = not made.others
        case "links":
            made.link = text(next(iter(listed(value)), {}).get("url"))
        case _:
            if name not in SILENT_PROPERTIES:
                report.lose(where, _("the override of %(name)s") % {"name": name})
            return False
    return True


def _series_overrides(source: Json) -> list[Override]:
    found = []
    for one in listed(source.get("seriesOverrides")):
        alias = text(one.get("alias"))
        by = "regex" if alias.startswith("/") else "name"
        made = Override(by, alias, "", colours.token(text(one.get("color"))))
        made.right = whole(one.get("yaxis"), 1) == 2
        axes = listed(source.get("yaxes"))
        if made.right and len(axes) > 1:
            made.unit = text(axes[1].get("format"))
        made.below = one.get("transform") == "negative-Y"
        if made.right or made.colour or made.below:
            found.append(made)
    shades = source.get("aliasColors")
    for name, shade in shades.items() if isinstance(shades, dict) else ():
        if colours.token(text(shade)):
            found.append(Override("name", name, "", colours.token(text(shade))))
    return found


def _styles(source: Json) -> list[Override]:
    """Columns of the old table."""
    found = []
    for one in listed(source.get("styles")):
        pattern = text(one.get("pattern"))
        by = "regex" if pattern.startswith("/") else "name"
        made = Override(
            by, pattern, text(one.get("unit")), "", text(one.get("alias")), _decimals(one.get("decimals"))
        )
        made.hidden = one.get("type") == "hidden"
        made.link = text(one.get("linkUrl"))
        if pattern and (made.hidden or made.title or made.unit):
            found.append(made)
    return found


def _links(panel: Panel, usual: Json, report: Report) -> list[Override]:
    """Where every value leads: the cells of a table have links, values of other panels have none."""
    url = next((text(one.get("url")) for one in listed(usual.get("links")) if text(one.get("url"))), "")
    if url and panel.kind == "table":
        return [Override("regex", "/.*/", link=url)]
    if url:
        report.lose(panel.title, _("the link of its values"))
    return []

"""Lists of transformations as lines that people type: what rows are grouped by, and which are kept."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

# Grafana's name of a comparison, and how it is written
SIGNS = {
    "greaterOrEqual": ">=", "lowerOrEqual": "<=", "notEqual": "!=", "regex": "=~", "greater": ">", "lower": "<", "equal": "=",
    "isNotNull": "is known", "isNull": "is unknown",
}  # fmt: skip
BETWEEN = re.compile(r"^(.+?)\s+between\s+(\S+)\s+and\s+(\S+)$")
CONDITION = re.compile(r"^(.+?)\s*(>=|<=|!=|=~|>|<|=|\bis known$|\bis unknown$)\s*(.*)$")
KINDS = {sign: kind for kind, sign in SIGNS.items()}


def grouping_lines(fields: Mapping[str, Any]) -> str:
    """``version`` for a column to group by, ``Value => mean, max`` for one to calculate."""
    lines = []
    for name, rule in fields.items():
        if rule.get("operation") == "groupby":
            lines.append(name)
        elif rule.get("operation") == "aggregate":
            lines.append(f"{name} => {', '.join(rule.get('aggregations') or [])}")
    return "\n".join(lines)


def grouping(lines: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for line in lines:
        name, arrow, calcs = (part.strip() for part in line.partition("=>"))
        listed = [calc.strip() for calc in calcs.split(",") if calc.strip()]
        found[name] = {"operation": "aggregate" if arrow else "groupby", "aggregations": listed}
    return found


def filter_lines(filters: Sequence[Mapping[str, Any]]) -> str:
    return "\n".join(_line(str(one.get("fieldName", "")), one.get("config") or {}) for one in filters)


def _line(field: str, config: Mapping[str, Any]) -> str:
    options = config.get("options") or {}
    if config.get("id") in {"range", "between"}:
        return f"{field} between {options.get('from', 0)} and {options.get('to', 0)}"
    return f"{field} {SIGNS.get(config.get('id', ''), '=')} {options.get('value', '')}".strip()


def filters(lines: Sequence[str]) -> list[dict[str, Any]]:
    """``Value > 5``, ``Value between 1 and 5``, ``version =~ v2.*``, ``Value is known``; raises ValueError."""
    return [_filter(line) for line in lines]


def _filter(line: str) -> dict[str, Any]:
    among = BETWEEN.match(line)
    if among:
        field, low, high = among.groups()
        return {
            "fieldName": field,
            "config": {"id": "between", "options": {"from": float(low), "to": float(high)}},
        }
    found = CONDITION.match(line)
    if found is None:
        raise ValueError(_("“%(line)s” is not like “Value > 5”") % {"line": line})
    field, sign, value = found.groups()
    options: dict[str, Any] = {"value": value}
    if sign in {">", ">=", "<", "<="}:
        options = {"value": float(value)}
    return {"fieldName": field.strip(), "config": {"id": KINDS[sign], "options": options if value else {}}}

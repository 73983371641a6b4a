"""Transformations between series and tables."""

from dataclasses import replace

import numpy as np
from django.utils.translation import gettext_lazy as lazy

from dashboards.boards.tables import Column, Table, guessed, numbers, plain, texts
from dashboards.boards.transform import Options, transformation
from dashboards.boards.transform.joining import merge, outer


@transformation("labelsToFields", lazy("The labels of series become columns"))
def labels_to_fields(tables: list[Table], options: Options) -> list[Table]:
    if options.get("mode") == "rows":
        pairs = [
            (one.shown, name, value)
            for table in tables
            for one in table.of("number")
            for name, value in one.labels.items()
        ]
        return [
            Table(
                "labels",
                (
                    texts("series", [one[0] for one in pairs]),
                    texts("label", [one[1] for one in pairs]),
                    texts("value", [one[2] for one in pairs]),
                ),
            )
        ]
    keep = set(options.get("keepLabels") or [])
    made = [_spread(table, keep, str(options.get("valueLabel") or "")) for table in tables]
    return merge(made, {}) if len(made) > 1 else made


def _spread(table: Table, keep: set[str], value_label: str) -> Table:
    valued = table.of("number")
    labels = {name: text for one in valued for name, text in one.labels.items() if name != "__name__"}
    names = [name for name in labels if (not keep or name in keep) and name != value_label]
    heads = [texts(name, [labels[name]] * len(table)) for name in names]
    cells = [
        replace(one, labels={}, title=one.labels.get(value_label, "") if value_label else "")
        for one in valued
    ]
    rest = [one for one in table.columns if one.kind == "text"]
    time = [table.time] if table.time is not None else []
    return Table(table.ref, (*time, *heads, *rest, *cells))


@transformation("seriesToRows", lazy("All series below each other: time, name, value"))
def series_to_rows(tables: list[Table], _options: Options) -> list[Table]:
    at: list[int] = []
    names: list[str] = []
    values: list[float] = []
    for table in tables:
        if table.time is None:
            continue
        for one in table.of("number"):
            at += table.time.values.tolist()
            names += [one.shown] * len(table)
            values += one.values.tolist()
    order = np.argsort(np.array(at, dtype=np.int64), kind="stable")[::-1]
    time = Column("Time", "time", np.array(at, dtype=np.int64))
    return [Table("rows", (time, texts("Metric", names), numbers("Value", values))).take(order)]


@transformation("prepareTimeSeries", lazy("Series as one wide table or one for each"))
def prepare(tables: list[Table], options: Options) -> list[Table]:
    if options.get("format") == "wide" and len(tables) > 1:
        return [outer(tables)]
    return tables


@transformation("timeSeriesTable", lazy("A row for each series: its labels and its last value"))
def series_table(tables: list[Table], _options: Options) -> list[Table]:
    series = [(table, one) for table in tables for one in table.of("number")]
    names = sorted({name for _table, one in series for name in one.labels if name != "__name__"})
    last = [
        next((value for value in reversed(plain(one)) if value is not None), None) for _table, one in series
    ]
    heads = [texts(name, [one.labels.get(name, "") for _table, one in series]) for name in names]
    return [Table("series", (*heads, numbers("Trend", last)))] if series else tables


@transformation(
    "rowsToFields", lazy("Rows become columns: one column names them, another holds their values")
)
def rows_to_fields(tables: list[Table], options: Options) -> list[Table]:
    rules = {one.get("handlerKey"): one.get("fieldName") for one in options.get("mappings") or []}
    found = []
    for table in tables:
        name = table.find(rules.get("field.name") or "") or next(iter(table.of("text")), None)
        value = table.find(rules.get("field.value") or "") or next(iter(table.of("number")), None)
        if name is None or value is None:
            continue
        pairs = zip(plain(name), plain(value), strict=True)
        found.append(Table(table.ref, tuple(guessed(str(head), [cell]) for head, cell in pairs)))
    return found


@transformation("transpose", lazy("Rows become columns and columns rows"))
def transpose(tables: list[Table], _options: Options) -> list[Table]:
    found = []
    for table in tables:
        head, *rest = table.columns
        rows = [plain(one) for one in rest]
        columns = [texts("Field", [one.shown for one in rest])]
        columns += [
            guessed(str(title), [row[place] for row in rows]) for place, title in enumerate(plain(head))
        ]
        found.append(Table(table.ref, tuple(columns)))
    return found


@transformation("histogram", lazy("How many values fall into each of some equal bins"))
def histogram(tables: list[Table], options: Options) -> list[Table]:
    values = np.concatenate([one.values for table in tables for one in table.of("number")] or [np.array([])])
    values = values[np.isfinite(values)]
    if not values.size:
        return []
    size = float(options.get("bucketSize") or 0)
    bins = max(1, int(np.ptp(values) / size) + 1) if size else int(options.get("bucketCount") or 30)
    counts, edges = np.histogram(values, bins=min(bins, 500))
    return [
        Table(
            "histogram", (numbers("xMin", edges[:-1]), numbers("xMax", edges[1:]), numbers("Count", counts))
        )
    ]

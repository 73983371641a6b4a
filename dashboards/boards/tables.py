"""Answers as tables: what queries give, transformations change, and panels draw."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

Kind = Literal["time", "number", "text"]
Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, slots=True)
class Column:
    """``times`` are Unix milliseconds; unknown numbers are NaN. ``title`` is what people see instead of the name."""

    name: str
    kind: Kind
    values: Array
    labels: Mapping[str, str] = field(default_factory=dict)
    title: str = ""
    unit: str = ""

    @property
    def shown(self) -> str:
        return self.title or self.name

    def take(self, places: Any) -> "Column":
        return replace(self, values=self.values[places])


@dataclass(frozen=True, slots=True)
class Table:
    """Columns of one length. ``ref`` is the query it came from; a series is a time column and a number column."""

    ref: str
    columns: tuple[Column, ...]
    name: str = ""

    def __len__(self) -> int:
        return len(self.columns[0].values) if self.columns else 0

    def find(self, name: str) -> Column | None:
        return next((one for one in self.columns if name in {one.shown, one.name}), None)

    @property
    def time(self) -> Column | None:
        return next((one for one in self.columns if one.kind == "time"), None)

    def of(self, kind: Kind) -> list[Column]:
        return [one for one in self.columns if one.kind == kind]

    def take(self, places: Any) -> "Table":
        return replace(self, columns=tuple(one.take(places) for one in self.columns))

    def rows(self) -> list[tuple[Any, ...]]:
        return list(zip(*(plain(one) for one in self.columns), strict=True))


def plain(column: Column) -> list[Any]:
    """The values as Python's own; None where a number is unknown."""
    if column.kind == "number":
        return [None if value != value else value for value in column.values.tolist()]  # noqa: PLR0124 - NaN
    return list(column.values.tolist())


def times(values: Iterable[int], name: str = "Time") -> Column:
    return Column(name, "time", np.asarray(list(values), dtype=np.int64))


def numbers(name: str, values: Any, labels: Mapping[str, str] | None = None, **more: Any) -> Column:
    array = np.array([np.nan if one is None else one for one in values], dtype=np.float64)
    return Column(name, "number", array, labels or {}, **more)


def texts(name: str, values: Iterable[Any], **more: Any) -> Column:
    listed = ["" if one is None else str(one) for one in values]
    array = np.empty(len(listed), dtype=object)
    array[:] = listed
    return Column(name, "text", array, **more)


def like(column: Column, values: Sequence[Any]) -> Column:
    """Other values in a column of the same kind."""
    if column.kind == "number":
        made = numbers(column.name, values)
    elif column.kind == "time":
        made = times([int(one or 0) for one in values])
    else:
        made = texts(column.name, values)
    return replace(column, values=made.values)


def guessed(name: str, values: Sequence[Any], **more: Any) -> Column:
    """A column of whatever kind its values are."""
    if values and all(
        one is None or (isinstance(one, (int, float)) and not isinstance(one, bool)) for one in values
    ):
        return numbers(name, values, **more)
    return texts(name, values, **more)

"""Rows and columns, as they are: the last resort when a chart would only hide the numbers."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from dashboards import shapes
from dashboards.panels.base import EXPR, TITLE, UNIT, Column, Figure, Frame, Options

MOST_ROWS = 500


class Table:
    """Every column of the frames becomes a column; a frame's name leads its rows."""

    fields = (TITLE, UNIT, EXPR)

    def queries(self, options: Options) -> list[str]:
        return shapes.asked(options)

    def figure(self, frames: Sequence[Frame], options: Options) -> Figure:
        full = shapes.anything(frames)
        names = list(dict.fromkeys(name for frame in full for name in frame.columns))
        columns: list[list[Any]] = [[] for _ in range(len(names) + 1)]
        for frame in full:
            rows = min(len(frame), MOST_ROWS - len(columns[0]))
            columns[0] += [frame.name] * rows
            for place, name in enumerate(names, start=1):
                columns[place] += self._cells(frame.columns.get(name), rows)
        trace = {
            "type": "table",
            "header": {"values": ["", *names], "align": "left"},
            "cells": {"values": columns, "align": "left"},
        }
        return shapes.finished([trace], shapes.layout(options))

    def _cells(self, column: Column | None, rows: int) -> list[Any]:
        if column is None:
            return [""] * rows
        if np.issubdtype(np.asarray(column).dtype, np.number):
            return ["—" if value is None else value for value in shapes.numbers(column[:rows])]
        return [str(value) for value in column[:rows]]


PANEL = Table()

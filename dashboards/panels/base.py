"""The contract of a panel: declared fields, the queries it asks, and a figure out of their answers.

A figure is a plain dict that ``plotly.graph_objects.Figure`` accepts: columnar arrays, rounded, colours as
tokens of the stylesheet, no template, no fonts (the page sets those for its theme).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy.typing as npt

from monitor.core.fields import Field

Column = npt.NDArray[Any]
Options = Mapping[str, Any]
Figure = dict[str, Any]

TITLE = Field("title", "Title", help="What the panel shows, in a few words.", default="")
UNIT = Field("unit", "Unit", help="Unit of the values, such as seconds or ratio.", default="number")
EXPR = Field("expr", "PromQL", "long_text", help="One expression a line.", default="")
LEGEND = Field("legend", "Legend", help="Label whose value names a line; empty: all labels.", default="")


class NoDataError(ValueError):
    """There is nothing to draw; the page says why and what to do."""


class BadOptionsError(ValueError):
    """Options that the panel cannot draw with; names the option."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One answer in columns of equal length: time (Unix ms) and value, or whatever the panel names."""

    name: str
    columns: Mapping[str, Column]
    labels: Mapping[str, str] = field(default_factory=dict)
    colour: str = ""

    def __len__(self) -> int:
        return max((len(column) for column in self.columns.values()), default=0)


class Panel(Protocol):
    """What a file in this folder offers as ``PANEL``."""

    fields: tuple[Field, ...]

    def queries(self, options: Options) -> list[str]: ...

    def figure(self, frames: Sequence[Frame], options: Options) -> Figure: ...

"""Transformations of a panel's tables, by the names that Grafana gave them.

To add one: a function in a file here with ``@transformation("name", "help")``, and a test.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _

from dashboards.boards.document import Transformation
from dashboards.boards.tables import Table

Options = Mapping[str, Any]
Change = Callable[[list[Table], Options], list[Table]]


@dataclass(frozen=True, slots=True)
class Known:
    name: str
    help: str | Promise
    change: Change


TRANSFORMATIONS: dict[str, Known] = {}


class BadTransformationError(ValueError):
    """A transformation that can't be done with these tables; says what is missing."""


def transformation(name: str, about: str | Promise) -> Callable[[Change], Change]:
    """Puts a function into the list."""

    def listed(change: Change) -> Change:
        TRANSFORMATIONS[name] = Known(name, about, change)
        return change

    return listed


def apply(tables: list[Table], steps: Sequence[Transformation]) -> list[Table]:
    """The tables after every step; a step that is unknown or switched off changes nothing."""
    every()
    for step in steps:
        known = TRANSFORMATIONS.get(step.kind)
        if known is None or step.options.get("disabled"):
            continue
        try:
            tables = known.change(tables, step.options)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            message = _("the transformation %(kind)s does not fit its data: %(why)s") % {
                "kind": step.kind,
                "why": error,
            }
            raise BadTransformationError(message) from error
    return tables


def every() -> Mapping[str, Known]:
    """All of them; their files are imported on first use, and some of them by others before."""
    from dashboards.boards.transform import columns, grouping, joining, rows, shapes

    assert columns
    assert grouping
    assert joining
    assert rows
    assert shapes
    return TRANSFORMATIONS

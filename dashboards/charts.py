"""A chart on a page: a panel's figure, or the honest reason why there is none."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _

from dashboards.ask import AskError
from dashboards.panels import PANELS
from dashboards.panels.base import Figure, Frame, NoDataError

Text = str | Promise


@dataclass(frozen=True, slots=True)
class Chart:
    """``id`` is unique on the page; ``figure`` is None when ``empty`` says why."""

    id: str
    title: Text
    figure: Figure | None
    empty: Text = ""
    note: Text = ""
    height: int = 220

    @property
    def json(self) -> str:
        """The figure as JSON that may stand inside a script element."""
        text = json.dumps(self.figure, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def draw(
    chart_id: str, kind: str, title: Text, frames: Sequence[Frame] | AskError, *,
    note: Text = "", empty: Text = "", height: int = 220, **options: Any,
) -> Chart:  # fmt: skip
    """The chart of ``frames``; a failed question or an empty answer becomes its reason."""
    if isinstance(frames, AskError):
        return Chart(chart_id, title, None, str(frames), note, height)
    try:
        figure = PANELS[kind].figure(frames, {"title": str(title), **options})
    except NoDataError:
        return Chart(chart_id, title, None, empty or _("No data in this time range."), note, height)
    return Chart(chart_id, title, figure, "", note, height)

"""Drift: have the inputs or the answers changed, and how? Watches by effect, one opened with both distributions."""

from typing import Any

import numpy as np
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from dashboards import ask, colours
from dashboards.charts import Chart, draw
from dashboards.lines import POINTS, pinned
from dashboards.pages.base import Context, Page
from dashboards.panels.base import Frame
from dashboards.visit import Visit
from monitor.drift import read
from monitor.ingest import calls

STATES: dict[str, tuple[str, str | Promise]] = {
    "drift": ("bad", lazy("drifted")), "warning": ("warn", lazy("unusual")), "ok": ("good", lazy("as always")),
    "learning": ("unknown", lazy("learning")), "unknown": ("unknown", lazy("unknown")),
}  # fmt: skip
# what a watch can be about, said here so that it is translated
FEATURES = {
    "prompt_length": lazy("prompt length"),
    "output_length": lazy("output length"),
    "prompt_embedding": lazy("prompt embedding"),
}
MOST_EXAMPLES = 6


class Drift(Page):
    name = "drift"
    title = lazy("Drift")
    question = lazy("Have the inputs or the answers changed, and how?")
    key = "d"

    def show(self, visit: Visit) -> Context:
        watches = read.watches(visit.project_id)
        chosen = next((one for one in watches if str(one.id) == visit.params.get("watch")), None)
        # vectors have no histogram to draw, so the first look is at a watch that has
        drawable = [one for one in watches if one.detector != "embedding_distance"]
        chosen = chosen or next(iter(drawable or watches), None)
        context: Context = {
            "watches": [(one, *STATES.get(one.state, ("unknown", one.state)), FEATURES.get(one.feature, one.label)) for one in watches],
            "chosen": chosen,
        }  # fmt: skip
        if chosen is None:
            return context
        report = read.report(visit.project_id, chosen.id, at=visit.span.end)
        return context | {
            "state": STATES.get(chosen.state, ("unknown", chosen.state)),
            "effect": effect(visit, chosen),
            "report": report,
            "spread": spread(report) if report else None,
            "quantiles": quantiles(report) if report else [],
            "examples": examples(visit, report) if report else [],
        }


def effect(visit: Visit, watch: read.WatchRow) -> Chart:
    """The effect over time inside the band that is normal for it."""
    frames: list[Frame] | ask.AskError
    try:
        lines = {
            name: ask.frames(visit.project_id, f"{name}{{{watch.selector}}}", visit.span, POINTS)
            for name in ("llm_drift_effect", "llm_drift_normal_low", "llm_drift_normal_high")
        }
        found = [each[0] for each in lines.values() if each]
        frames = [_banded(*found)] if len(found) == 3 else found[:1]
    except ask.AskError as error:
        frames = error
    return draw(
        "drift-effect", "timeseries", _("Effect over time"), frames, unit="effect", height=260, from_zero=False,
        note=_("the band is what is normal"), empty=_("This watch has found nothing yet in this time range."),
        **pinned(visit),
    )  # fmt: skip


def _banded(line: Frame, low: Frame, high: Frame) -> Frame:
    columns = {**line.columns, "low": low.columns["value"], "high": high.columns["value"]}
    return Frame(_("effect"), columns, line.labels, colours.slot(0))


def spread(report: read.Report) -> Chart:
    """The reference and the current window over each other."""
    edges = np.array(report.edges)
    reference, current = (
        Frame(name, {"low": edges[:-1], "high": edges[1:], "count": np.array(shares)}, {}, colour)
        for name, shares, colour in (
            (_("reference"), report.reference_shares, colours.NEUTRAL),
            (_("now"), report.current_shares, colours.slot(1)),
        )
    )
    return draw(
        "drift-spread", "histogram", _("Both distributions"), [reference, current] if len(edges) > 1 else [],
        unit="tokens", height=260,
        note=_("%(before)s calls before, %(after)s now") % {"before": report.n_reference, "after": report.n_current},
        empty=_("Vectors have no distribution that can be drawn; the effect says how far they moved."),
    )  # fmt: skip


def quantiles(report: read.Report) -> list[tuple[str, float | None, float | None]]:
    """Each quantile before and now."""
    names = list(report.reference_quantiles or report.current_quantiles)
    return [
        (name, report.reference_quantiles.get(name), report.current_quantiles.get(name)) for name in names
    ]


def examples(visit: Visit, report: read.Report) -> list[Any]:
    """Calls that are typical of what is new."""
    found = (calls.one(visit.project_id, one) for one in report.examples[:MOST_EXAMPLES])
    return [one.summary for one in found if one is not None]


PAGE = Drift()

"""Quality: are the answers getting worse? Marks over time by version, the judges' own state, newest verdicts."""

import numpy as np
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from dashboards import ask
from dashboards.charts import Chart, draw
from dashboards.lines import by_version, pinned
from dashboards.pages.base import Context, Page
from dashboards.panels.base import Column, Frame
from dashboards.visit import Visit
from monitor.core.histograms import HistogramBlock, upper_bounds
from monitor.quality import read

LATEST = 12
MARKS = (0, 1, 2, 3, 4, 5)
JUDGED = 'source=~"judge|rule|reference"'


class Quality(Page):
    name = "quality"
    title = lazy("Quality")
    question = lazy("Are the answers getting worse?")
    key = "q"

    def show(self, visit: Visit) -> Context:
        names = score_names(visit)
        return {
            "judges": read.judges(visit.project_id),
            "how_to_add": read.HOW_TO_ADD,
            "charts": [chart(visit, name) for name in names] + [share_low(visit), spread_of_marks(visit)],
            "verdicts": read.recent_verdicts(visit.project_id, visit.span.start, visit.span.end, LATEST),
        }


def score_names(visit: Visit) -> list[str]:
    """The names of the marks given in the span, at most six."""
    expr = f"histogram_count(sum by (score) (increase(llm_score[{visit.span.width}]))) > 0"
    try:
        found = ask.instant(visit.project_id, expr, visit.span.end)
    except ask.AskError:
        return []
    return sorted({labels.get("score", "") for labels in found.labels})[:6]


def chart(visit: Visit, name: str) -> Chart:
    """The mean mark of one name over time, by version."""
    # marks are few: a narrow window would leave more gaps than line
    window = visit.span.window(24)
    expr = f"histogram_avg(sum by (model, version) (rate(llm_score{{score={ask.quoted(name)}}}[{window}])))"
    return draw(
        f"score-{name}", "timeseries", _("Mean mark: %(name)s") % {"name": name}, by_version(visit, expr),
        unit="score", from_zero=False, empty=_("No marks of this name in this time range."), **pinned(visit),
    )  # fmt: skip


def share_low(visit: Visit) -> Chart:
    """How many marks are poor."""
    window = visit.span.window(24)
    expr = f"histogram_fraction(-1, 2, sum by (model, version) (rate(llm_score{{{JUDGED}}}[{window}])))"
    return draw(
        "score-low", "timeseries", _("Share of marks up to 2"), by_version(visit, expr), unit="ratio",
        empty=_("No call has been marked in this time range."), **pinned(visit),
    )  # fmt: skip


def spread_of_marks(visit: Visit) -> Chart:
    """The share of each mark, by version."""
    expr = f"sum by (model, version) (increase(llm_score{{{JUDGED}}}[{visit.span.width}]))"
    frames: list[Frame] | ask.AskError
    try:
        frames = [
            Frame(
                ask.version_of(one.labels),
                {"category": np.array([str(mark) for mark in MARKS]), "value": shares(one.block)},
                one.labels,
                visit.colours.get(ask.version_of(one.labels), ""),
            )
            for one in ask.spreads(visit.project_id, expr, visit.span.end)
        ]
    except ask.AskError as error:
        frames = error
    return draw(
        "score-spread", "bar", _("All marks"), frames, unit="ratio",
        empty=_("No call has been marked in this time range."),
    )  # fmt: skip


def shares(block: HistogramBlock) -> Column:
    """The share of each whole mark: the buckets of a histogram of marks are far narrower than one mark."""
    counts = np.zeros(len(MARKS))
    counts[0] = block.zero[0]
    middles = np.sqrt(
        upper_bounds(block.positive_index, block.schema)
        * upper_bounds(block.positive_index - 1, block.schema)
    )
    np.add.at(counts, np.clip(np.round(middles), 0, MARKS[-1]).astype(int), block.positive[0])
    return counts / (counts.sum() or 1.0)


PAGE = Quality()

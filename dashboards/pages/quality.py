"""Quality: are the answers getting worse? Marks over time by version, the judges' own state, newest verdicts."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from dashboards import ask
from dashboards.charts import Chart, draw
from dashboards.lines import by_version, pinned
from dashboards.pages.base import Context, Page
from dashboards.panels.base import Frame
from dashboards.visit import Visit
from monitor.quality import read

LATEST = 20
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
    expr = f"group by (score) (last_over_time(llm_score[{visit.span.width}]))"
    try:
        found = ask.instant(visit.project_id, expr, visit.span.end)
    except ask.AskError:
        return []
    return sorted({labels.get("score", "") for labels in found.labels})[:6]


def chart(visit: Visit, name: str) -> Chart:
    """The mean mark of one name over time, by version."""
    # marks are few: a narrow window would leave more gaps than line
    window = visit.span.window(24)
    expr = f"histogram_avg(sum by (model, version) (rate(llm_score{{score={ask.quoted(name)},{JUDGED}}}[{window}])))"
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
    """How the marks are spread, by version."""
    expr = f"sum by (model, version) (increase(llm_score{{{JUDGED}}}[{visit.span.width}]))"
    frames: list[Frame] | ask.AskError
    try:
        frames = [
            Frame(
                ask.version_of(one.labels),
                {"low": one.low, "high": one.high, "count": one.count},
                one.labels,
                visit.colours.get(ask.version_of(one.labels), ""),
            )
            for one in ask.spreads(visit.project_id, expr, visit.span.end)
        ]
    except ask.AskError as error:
        frames = error
    return draw(
        "score-spread", "histogram", _("All marks"), frames, unit="score", log=False,
        empty=_("No call has been marked in this time range."),
    )  # fmt: skip


PAGE = Quality()

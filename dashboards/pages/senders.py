"""Senders: does everything that is sent arrive, and what is left out? One row per sender and dialect."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from dashboards import ask
from dashboards.charts import Chart, draw
from dashboards.colours import slot
from dashboards.lines import POINTS, pinned
from dashboards.pages.base import Context, Page
from dashboards.panels.base import Frame
from dashboards.visit import Visit
from monitor import query
from monitor.ingest import accounts
from monitor.ingest.accounts import Account

REASONS: dict[str, str | Promise] = {
    "not_llm": lazy("not a call of a model"),
    "embedding": lazy("an embedding"),
    "tool": lazy("a tool"),
    "agent": lazy("an agent"),
    "wrapper": lazy("around a call that is stored"),
    "no_call": lazy("its call is not stored"),
    "over_limit": lazy("over a limit"),
    "invalid": lazy("a field is wrong"),
    "too_old": lazy("older than what is kept"),
    "in_future": lazy("in the future"),
    "sampled_out": lazy("sampled out"),
    "conflict": lazy("another value stands there"),
    "unsupported": lazy("not supported"),
    "unreadable": lazy("could not be read"),
}
# left out as it should be: nothing for the sender to mend
EXPECTED = frozenset({"not_llm", "embedding", "tool", "agent", "wrapper", "sampled_out"})


@dataclass(frozen=True, slots=True)
class Row:
    """A sender as the page shows it; shares are of the calls it told of."""

    account: Account
    state: str
    word: str
    per_second: float
    dropped: list[tuple[str | Promise, int]]
    missing: list[tuple[str, float]]

    @property
    def first(self) -> object:
        return accounts.moment(self.account.first_ms)

    @property
    def last(self) -> object:
        return accounts.moment(self.account.last_ms)


class Senders(Page):
    name = "senders"
    title = lazy("Senders")
    question = lazy("Does everything that is sent arrive, and what is left out?")
    key = "i"

    def show(self, visit: Visit) -> Context:
        try:
            found, problem = accounts.of_span(visit.project_id, visit.span.start, visit.span.end), ""
        except query.Failed as error:
            found, problem = [], error.message
        return {
            "rows": [row(one, visit.span.seconds) for one in found],
            "problem": problem,
            "charts": charts(visit) if found else [],
        }


def row(account: Account, seconds: float) -> Row:
    """The sender with its state: silent is unknown, what the sender should mend is bad."""
    state, word = "good", _("all arrives")
    if not account.sent:
        state, word = "unknown", _("nothing came")
    elif set(account.dropped) - EXPECTED:
        state, word = "bad", _("some is lost")
    elif account.dropped:
        word = _("some is left out")
    return Row(
        account, state, word, account.sent / seconds if seconds else 0.0,
        [(REASONS.get(reason, reason), n) for reason, n in account.dropped.most_common()],
        [(name, n / account.calls) for name, n in account.missing.most_common() if n and account.calls],
    )  # fmt: skip


def charts(visit: Visit) -> list[Chart]:
    """What came over time, and what was left out of it."""
    window = f"[{visit.span.step(POINTS // 4).total_seconds():.0f}s]"
    asked = (
        ("sent", _("Items a second by sender"), "sender", f"sum by (sender) (rate(vigil_ingest_items_total{window}))"),
        ("left", _("Left out a second by reason"), "reason",
         f'sum by (reason) (rate(vigil_ingest_items_total{{outcome="dropped"}}{window}))'),
    )  # fmt: skip
    return [
        draw(
            f"senders-{name}",
            "timeseries",
            title,
            _lines(visit, expr, label),
            unit="per_second",
            **pinned(visit),
        )
        for name, title, label, expr in asked
    ]


def _lines(visit: Visit, expr: str, label: str) -> list[Frame] | ask.AskError:
    try:
        found = ask.frames(
            visit.project_id, expr, visit.span, POINTS,
            name=lambda labels: str(REASONS.get(labels.get(label, ""), labels.get(label, ""))),
        )  # fmt: skip
    except ask.AskError as error:
        return error
    return [Frame(one.name, one.columns, one.labels, slot(index)) for index, one in enumerate(found)]


PAGE = Senders()

"""GPUs: is a card full, hot, throttled or broken? One card per GPU, read from its series."""

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
from monitor.gpu import read

FULL, HOT_MARGIN, HOT = 0.95, 5.0, 85.0
# the end of the bar where a card tells no limit of its own
USUAL_LIMIT_CELSIUS = 100.0
STATES: dict[str, tuple[str, str | Promise]] = {
    "ok": ("good", lazy("polling")), "no driver": ("unknown", lazy("no NVIDIA driver on this host")),
    "failing": ("bad", lazy("failing")), "never": ("unknown", lazy("not polled yet")),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Gauge:
    """One figure of a card; ``share`` fills its bar, None draws none."""

    name: str
    value: float | None
    unit: str
    share: float | None


class Gpus(Page):
    name = "gpu"
    title = lazy("GPUs")
    question = lazy("Is a card full, hot, throttled or broken?")
    key = "u"

    def show(self, visit: Visit) -> Context:
        try:
            found, problem = read.cards(visit.project_id, visit.span.end), ""
        except query.Failed as error:
            found, problem = [], error.message
        pollers = read.pollers(visit.project_id)
        return {
            "cards": [(card, *verdict(card), gauges(card)) for card in found],
            "problem": problem,
            "charts": charts(visit) if found else [],
            "pollers": [(one, *STATES.get(one.state, ("unknown", one.state))) for one in pollers],
            "how_to_poll": read.HOW_TO_POLL.replace("https://this-vigil", visit.origin),
        }


def verdict(card: read.CardRow) -> tuple[str, str]:
    """State and reason: broken before hot before throttled before full; unknown when it told nothing of these."""
    heat, limit = card.temperature_celsius, card.temperature_limit_celsius
    if card.ecc_errors.get("uncorrected"):
        return "bad", _("uncorrected memory errors")
    if heat is not None and heat >= (limit - HOT_MARGIN if limit else HOT):
        return "bad", _("hot")
    if card.throttled:
        return "warn", _("throttled: %(reasons)s") % {"reasons": ", ".join(card.throttled)}
    if (card.memory_ratio or 0) >= FULL:
        return "warn", _("memory nearly full")
    if heat is None and card.memory_ratio is None:
        return "unknown", _("tells neither heat nor memory")
    return "good", _("nothing found")


def gauges(card: read.CardRow) -> list[Gauge]:
    """The four figures everybody looks for first."""
    heat, power = card.temperature_celsius, card.power_watts
    limit = card.temperature_limit_celsius or USUAL_LIMIT_CELSIUS
    return [
        Gauge(_("Utilisation"), card.utilization_ratio, "ratio", card.utilization_ratio),
        Gauge(_("Memory"), card.memory_used_bytes, "bytes", card.memory_ratio),
        Gauge(_("Temperature"), heat, "celsius", None if heat is None else heat / limit),
        Gauge(_("Power"), power, "watts", power / card.power_limit_watts if power is not None and card.power_limit_watts else None),
    ]  # fmt: skip


def charts(visit: Visit) -> list[Chart]:
    """The four figures over time, one line a card."""
    asked = (
        ("utilisation", _("Utilisation"), "ratio", "gpu_utilization_ratio"),
        ("memory", _("Memory in use"), "ratio", "gpu_memory_used_bytes / gpu_memory_total_bytes"),
        ("temperature", _("Temperature"), "celsius", "gpu_temperature_celsius"),
        ("power", _("Power"), "watts", "gpu_power_watts"),
    )
    return [
        draw(f"gpu-{name}", "timeseries", title, _lines(visit, expr), unit=unit, **pinned(visit))
        for name, title, unit, expr in asked
    ]


def _lines(visit: Visit, expr: str) -> list[Frame] | ask.AskError:
    try:
        found = ask.frames(
            visit.project_id, expr, visit.span, POINTS,
            name=lambda labels: f"{labels.get('host', '')} / {labels.get('gpu', '')}",
        )  # fmt: skip
    except ask.AskError as error:
        return error
    return [Frame(one.name, one.columns, one.labels, slot(index)) for index, one in enumerate(found)]


PAGE = Gpus()

"""GPUs: is a card full, hot, throttled or broken? Host by host, one card per GPU, read from its series."""

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from dashboards import ask, gpus
from dashboards.charts import Chart, draw
from dashboards.colours import slot
from dashboards.lines import POINTS, pinned
from dashboards.pages.base import Context, Page
from dashboards.panels.base import Frame
from dashboards.visit import Visit
from monitor import query
from monitor.gpu import read
from monitor.gpu.rows import HostRow, XidRow

STATES: dict[str, tuple[str, str | Promise]] = {
    "ok": ("good", lazy("polling")), "no driver": ("unknown", lazy("no NVIDIA driver on this host")),
    "failing": ("bad", lazy("failing")), "never": ("unknown", lazy("not polled yet")),
}  # fmt: skip


class Gpus(Page):
    name = "gpu"
    title = lazy("GPUs")
    question = lazy("Is a card full, hot, throttled or broken?")
    key = "u"

    def show(self, visit: Visit) -> Context:
        problem = ""
        found: list[HostRow] = []
        events: list[XidRow] = []
        try:
            found = read.hosts(visit.project_id, visit.span.end)
            events = read.xids(visit.project_id, visit.span.start, visit.span.end)
        except query.Failed as error:
            problem = error.message
        pollers = read.pollers(visit.project_id)
        some = any(host.cards for host in found)
        return {
            "hosts": [
                (
                    host,
                    *gpus.host_verdict(host),
                    [(card, *gpus.verdict(card), gpus.gauges(card), gpus.notes(card)) for card in host.cards],
                )
                for host in found
            ],
            "some": some,
            "problem": problem,
            "charts": charts(visit) if some else [],
            "timeline": timeline(visit, found) if some else None,
            "events": [(one, gpus.XIDS.get(one.code, "")) for one in events],
            "pollers": [(one, *STATES.get(one.state, ("unknown", one.state))) for one in pollers],
            "how_to_poll": read.HOW_TO_POLL.replace("https://this-vigil", visit.origin),
        }


def charts(visit: Visit) -> list[Chart]:
    """The figures over time, one line a card; activity only where some card tells it."""
    asked = (
        ("utilisation", _("Utilisation"), "ratio", "gpu_utilization_ratio"),
        ("memory", _("Memory in use"), "ratio", MEMORY),
        ("temperature", _("Temperature"), "celsius", "gpu_temperature_celsius"),
        ("power", _("Power"), "watts", "gpu_power_watts"),
        ("tensor", _("Tensor cores busy"), "ratio", "gpu_tensor_activity_ratio"),
        ("dram", _("Memory bandwidth"), "ratio", "gpu_dram_activity_ratio"),
    )
    drawn = [
        draw(f"gpu-{name}", "timeseries", title, _lines(visit, expr), unit=unit, **pinned(visit))
        for name, title, unit, expr in asked
    ]
    return [one for one in drawn if one.figure is not None or one.id not in {"gpu-tensor", "gpu-dram"}]


# some exporters tell the parts and not the whole
MEMORY = (
    "gpu_memory_used_bytes / (gpu_memory_total_bytes or (gpu_memory_used_bytes + gpu_memory_free_bytes "
    "+ gpu_memory_reserved_bytes) or (gpu_memory_used_bytes + gpu_memory_free_bytes))"
)


def timeline(visit: Visit, hosts: list[HostRow]) -> Chart:
    lanes = sum(len(host.cards) for host in hosts)
    height = 160 if lanes <= 4 else 260 if lanes <= 10 else 360
    return draw(
        "gpu-throttle", "timeline", _("Throttled"), gpus.throttled(visit), height=height, legend=True,
        empty=_("No card was throttled in this time range."), **pinned(visit),
    )  # fmt: skip


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

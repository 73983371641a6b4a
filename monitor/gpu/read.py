"""What pages may know about GPUs: the cards as their series tell them, and how polling goes."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from django.utils.translation import gettext_lazy as _

from monitor import query
from monitor.core.labels import Labels
from monitor.gpu.models import GpuPoller, PollerState

HOW_TO_POLL = _(
    "No NVIDIA driver here. On each GPU host install Vigil and run: .venv/bin/python manage.py gpu_agent "
    "--url https://this-vigil --key KEY, with an API key that has the scope ingest. DCGM-exporter can be "
    "scraped as well."
)
# what slows a card down and is worth a look; the idle ones are not
TROUBLE = frozenset({"power_cap", "hw_slowdown", "sw_thermal", "hw_thermal", "power_brake"})
STALE = dt.timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class ProcessRow:
    """Memory that a process holds on a card."""

    pid: str
    command: str
    memory_bytes: float


@dataclass(frozen=True, slots=True)
class CardRow:
    """One card as its newest series say. A figure that the card doesn't report is None, never zero.

    ``simulated``: a demo's card. ``throttled``: reasons that slow it down now. ``selector``: label matchers
    for PromQL on its series.
    """

    host: str
    gpu: str
    uuid: str
    name: str
    simulated: bool
    at: dt.datetime
    utilization_ratio: float | None
    memory_used_bytes: float | None
    memory_total_bytes: float | None
    memory_reserved_bytes: float | None
    temperature_celsius: float | None
    temperature_limit_celsius: float | None
    power_watts: float | None
    power_limit_watts: float | None
    clocks_hertz: dict[str, float] = field(default_factory=dict)
    clocks_max_hertz: dict[str, float] = field(default_factory=dict)
    throttle: dict[str, bool] = field(default_factory=dict)
    ecc_errors: dict[str, float] = field(default_factory=dict)
    processes: tuple[ProcessRow, ...] = ()

    @property
    def memory_ratio(self) -> float | None:
        if self.memory_used_bytes is None or not self.memory_total_bytes:
            return None
        return self.memory_used_bytes / self.memory_total_bytes

    @property
    def throttled(self) -> list[str]:
        return sorted(name for name, active in self.throttle.items() if active and name in TROUBLE)

    @property
    def selector(self) -> str:
        return f'host="{_escaped(self.host)}", uuid="{_escaped(self.uuid)}"'


@dataclass(frozen=True, slots=True)
class PollerRow:
    """The worker's own poller. ``state``: never, ok, no driver or failing."""

    host: str
    enabled: bool
    state: str
    cards: int
    checked_at: dt.datetime | None
    last_ok: dt.datetime | None
    last_error: str
    last_duration: float | None

    @property
    def no_driver(self) -> bool:
        return self.state == PollerState.NO_DRIVER


def cards(project_id: int, now: dt.datetime) -> list[CardRow]:
    """Every card that told something in the last five minutes, by host and number."""
    found: dict[tuple[str, str], dict[Labels, float]] = {}
    names: dict[tuple[str, str], Labels] = {}
    for labels, _times, values in query.instant(project_id, '{__name__=~"gpu_.+", uuid!=""}', now).points():
        key = (labels.get("host", ""), labels["uuid"])
        found.setdefault(key, {})[labels] = float(values[-1])
        names.setdefault(key, labels)
    seen, alive = _seen(project_id, now), _processes(project_id, now)
    rows = [_card(names[key], figures, seen.get(key, now), alive) for key, figures in found.items()]
    return sorted(rows, key=lambda row: (row.host, row.gpu.zfill(4), row.uuid))


def pollers(project_id: int) -> list[PollerRow]:
    """The pollers of this installation's workers; when all say "no driver", the page shows ``HOW_TO_POLL``."""
    return [
        PollerRow(
            one.host, one.enabled, one.state, one.cards, one.checked_at, one.last_ok, one.last_error,
            one.last_duration,
        )
        for one in GpuPoller.objects.filter(project_id=project_id)
    ]  # fmt: skip


def _seen(project_id: int, now: dt.datetime) -> dict[tuple[str, str], dt.datetime]:
    told = ("gpu_memory_used_bytes", "gpu_utilization_ratio", "gpu_temperature_celsius")
    expr = f"max by (host, uuid) ({' or '.join(f'timestamp({name})' for name in told)})"
    return {
        (labels.get("host", ""), labels.get("uuid", "")): dt.datetime.fromtimestamp(float(values[-1]), dt.UTC)
        for labels, _times, values in query.instant(project_id, expr, now).points()
    }


def _processes(project_id: int, now: dt.datetime) -> Mapping[Labels, float]:
    """When each process was last seen: one that ended keeps its series for five minutes."""
    expr = "timestamp(gpu_process_memory_bytes)"
    return {
        labels: float(values[-1]) for labels, _times, values in query.instant(project_id, expr, now).points()
    }


def _card(
    labels: Labels, figures: Mapping[Labels, float], at: dt.datetime, alive: Mapping[Labels, float]
) -> CardRow:
    plain = {one.name: value for one, value in figures.items()}
    return CardRow(
        host=labels.get("host", ""),
        gpu=labels.get("gpu", ""),
        uuid=labels["uuid"],
        name=labels.get("name", ""),
        simulated=labels.get("simulated") == "true"
        or "simulated" in (labels.get("name", "") + labels["uuid"]).lower(),
        at=at,
        utilization_ratio=plain.get("gpu_utilization_ratio"),
        memory_used_bytes=plain.get("gpu_memory_used_bytes"),
        memory_total_bytes=plain.get("gpu_memory_total_bytes"),
        memory_reserved_bytes=plain.get("gpu_memory_reserved_bytes"),
        temperature_celsius=plain.get("gpu_temperature_celsius"),
        temperature_limit_celsius=plain.get("gpu_temperature_limit_celsius"),
        power_watts=plain.get("gpu_power_watts"),
        power_limit_watts=plain.get("gpu_power_limit_watts"),
        clocks_hertz=_by(figures, "gpu_clock_hertz", "clock"),
        clocks_max_hertz=_by(figures, "gpu_clock_max_hertz", "clock"),
        throttle={name: value > 0 for name, value in _by(figures, "gpu_throttle", "reason").items()},
        ecc_errors=_by(figures, "gpu_ecc_errors_total", "kind"),
        processes=tuple(
            ProcessRow(one.get("pid", ""), one.get("command", ""), value)
            for one, value in sorted(figures.items(), key=lambda pair: -pair[1])
            if one.name == "gpu_process_memory_bytes"
            and alive.get(one.drop(["__name__"]), 0.0) >= at.timestamp() - 1e-3
        ),
    )


def _by(figures: Mapping[Labels, float], name: str, label: str) -> dict[str, float]:
    return {one.get(label, ""): value for one, value in figures.items() if one.name == name}


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

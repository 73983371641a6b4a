"""What pages may ask about GPUs: hosts with their cards as the series tell them, events, and how polling goes."""

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from django.utils.translation import gettext_lazy as _

from monitor import query
from monitor.core.labels import Labels
from monitor.gpu.models import GpuPoller
from monitor.gpu.rows import CardRow, HostRow, PartitionRow, PollerRow, ProcessRow, XidRow

HOW_TO_POLL = _(
    "No NVIDIA driver here. On each GPU host install the agent, pip install 'vigil[gpu-agent]', and run: "
    "vigil-gpu-agent --url https://this-vigil, with an API key of the scope ingest in VIGIL_KEY. DCGM-exporter, "
    "nvitop-exporter, Triton and OpenTelemetry collectors are understood as well."
)
# a card that said something this long ago is still expected to say something
REMEMBERED = "3h"
# each of them is told by any source of cards, and stands for the card
SIGNS = (
    "gpu_up", "gpu_temperature_celsius", "gpu_memory_used_bytes", "gpu_utilization_ratio",
    # all that some sources tell of a card that is cut in instances
    "gpu_mig_memory_used_bytes", "gpu_mig_sm_activity_ratio", "gpu_mig_graphics_activity_ratio",
)  # fmt: skip
# a process that ended keeps its series for minutes where the source sends no end
FRESH = dt.timedelta(seconds=45)
MOST_EVENTS = 200
_IDENTITY = frozenset({"host", "gpu", "uuid", "name", "simulated", "instance", "job", "source"})
# how far a sample may lie behind the event that it tells of
LATE = 60.0
RECENT = "1h"
# counted per code; or told as the last one, with its moment, or by a source that gives none of a card long known
COUNTED_XIDS = (
    f'increase(gpu_xid_code_errors_total{{xid=~"[0-9]+"}}[{RECENT}]) > 0 or '
    f'(gpu_xid_code_errors_total{{xid=~"[0-9]+"}} unless gpu_xid_code_errors_total offset {RECENT}) '
    f"and on (host, uuid) gpu_xid_errors_total offset {RECENT}"
)
LAST_XIDS = (
    "gpu_xid_last_code and time() - gpu_xid_last_timestamp_seconds < 3600 or "
    f"((gpu_xid_last_code and changes(gpu_xid_last_code[{RECENT}]) > 0) unless gpu_xid_last_timestamp_seconds) or "
    f"(gpu_xid_last_code unless gpu_xid_last_code offset {RECENT} unless gpu_xid_last_timestamp_seconds) "
    f"and on (host, uuid) gpu_temperature_celsius offset {RECENT}"
)
# of cards that tell only for how long each reason held: it holds when it did for half of the last minutes
HELD = 'rate(gpu_throttle_seconds_total{reason=~"thermal|power|board_limit|reliability"}[5m]) > bool 0.5'
LINKED = f"max by (host, uuid) (max_over_time(gpu_nvlink_up[{REMEMBERED}])) > 0"
Key = tuple[str, str]
Event = tuple[str, str, str, int]
Figures = Mapping[Labels, float]


@dataclass(frozen=True, slots=True)
class Past:
    """By card: whether a link was up, reasons that held it down, XIDs of the last hour."""

    linked: set[Key]
    held: dict[Key, dict[str, bool]]
    xids: dict[Key, set[int]]


def hosts(project_id: int, now: dt.datetime) -> list[HostRow]:
    """Every host and card that said something in the last hours; those that fell silent are unknown."""
    told: dict[Key, dict[Labels, float]] = defaultdict(dict)
    own: dict[str, dict[Labels, float]] = defaultdict(dict)
    for labels, _times, values in query.instant(project_id, '{__name__=~"gpu_.+"}', now).points():
        host = labels.get("host", "")
        place = told[host, labels["uuid"]] if "uuid" in labels else own[host]
        if not np.isnan(values[-1]):
            place[labels] = float(values[-1])
    names = {one.name for figures in told.values() for one in figures}
    past = _past(project_id, names, now)
    known, alive = _known(project_id, now), _processes_seen(project_id, now)
    cards: dict[str, list[CardRow]] = defaultdict(list)
    for key, (labels, at) in known.items():
        cards[key[0]].append(_card(labels, _of_one_source(told.get(key, {})), at, alive, past))
    return [_host(name, own.get(name, {}), cards.get(name, [])) for name in sorted({*own, *cards})]


def xids(project_id: int, start: dt.datetime, end: dt.datetime) -> list[XidRow]:
    """The events of a span, newest first: each moment that a card's last one had; where a source tells no moments,
    and for all but the last event of a step, when it was first seen.
    """
    step = max(dt.timedelta(seconds=15), (end - start) / 1000)
    codes, times, counts = (
        list(query.range(project_id, name, start, end, step).points())
        for name in ("gpu_xid_last_code", "gpu_xid_last_timestamp_seconds", "gpu_xid_code_errors_total")
    )
    moments = {
        labels.nameless: dict(zip(at.tolist(), values.tolist(), strict=True)) for labels, at, values in times
    }
    # of a card that one source gives moments of, a source without tells the same events once more
    exact = {_key(labels) for labels in moments}
    found: dict[tuple[Event, float], str] = {}
    for labels, at, values in codes:
        own = moments.get(labels.nameless)
        if own is None and _key(labels) in exact:
            continue
        before = 0.0
        for moment, code in zip(at.tolist(), values.tolist(), strict=True):
            # what the first step already tells may be of any age
            fresh = code != before and _seconds(moment) > start.timestamp()
            happened = own.get(moment) if own is not None else _seconds(moment) if fresh else None
            if code and happened is not None and start.timestamp() <= happened <= end.timestamp():
                found[_event(labels, int(code)), happened] = labels.get("name", "")
            before = code
    _add_hidden(found, counts, start, step)
    rows = [
        XidRow(dt.datetime.fromtimestamp(moment, dt.UTC), host, gpu, name, code)
        for ((host, gpu, _uuid, code), moment), name in found.items()
    ]
    return sorted(rows, key=lambda row: row.at, reverse=True)[:MOST_EVENTS]


def _add_hidden(
    found: dict[tuple[Event, float], str],
    counts: list[tuple[Labels, npt.NDArray[np.int64], npt.NDArray[np.float64]]],
    start: dt.datetime,
    step: dt.timedelta,
) -> None:
    """Events that a later one of the same step hides: a counter of their code rose, and no moment fits."""
    width = step.total_seconds()
    known: dict[Event, list[float]] = defaultdict(list)
    for event, moment in found:
        known[event].append(moment)
    for labels, at, values in counts:
        code = labels.get("xid", "")
        if not code.isdigit():
            continue
        event = _event(labels, int(code))
        rose = np.diff(values, prepend=0.0) > 0
        for moment in at[rose].tolist():
            seen = _seconds(moment)
            # a moment is told by the reader's clock, and a sample minutes later
            if seen > start.timestamp() and not any(
                -LATE <= seen - one <= width + LATE for one in known[event]
            ):
                found[event, seen] = labels.get("name", "")


def _event(labels: Labels, code: int) -> Event:
    return labels.get("host", ""), labels.get("gpu", ""), labels.get("uuid", ""), code


def _seconds(moment: int) -> float:
    return moment / 1000.0


def pollers(project_id: int) -> list[PollerRow]:
    """The pollers of this installation's workers; when all say "no driver", the page shows ``HOW_TO_POLL``."""
    return [
        PollerRow(
            one.host, one.enabled, one.state, one.cards, one.checked_at, one.last_ok, one.last_error,
            one.last_duration,
        )
        for one in GpuPoller.objects.filter(project_id=project_id)
    ]  # fmt: skip


def _known(project_id: int, now: dt.datetime) -> dict[Key, tuple[Labels, dt.datetime | None]]:
    """Every card that is expected, its labels, and when it last said something; None: not in the last minutes."""
    by = "by (host, gpu, uuid, name, simulated)"
    newest = " or ".join(f'timestamp({name}{{uuid!=""}})' for name in SIGNS)
    expected = f'group {by} (last_over_time({{__name__=~"{"|".join(SIGNS)}", uuid!=""}}[{REMEMBERED}]))'
    seen = _values(project_id, f"max {by} ({newest})", now)
    found: dict[Key, tuple[Labels, dt.datetime | None]] = {}
    for labels in _values(project_id, expected, now):
        at = dt.datetime.fromtimestamp(seen[labels], dt.UTC) if labels in seen else None
        key = (labels.get("host", ""), labels["uuid"])
        before = found.get(key, (labels, at))
        best, _at = max(before, (labels, at), key=_tells)
        found[key] = (best, max((one for one in (before[1], at) if one), default=None))
    return found


def _tells(known: tuple[Labels, dt.datetime | None]) -> tuple[bool, bool, float]:
    """How much a source tells of which card it is: Triton knows no number and no name."""
    labels, at = known
    return bool(labels.get("gpu")), bool(labels.get("name")), at.timestamp() if at else 0.0


def _of_one_source(figures: Figures) -> dict[Labels, float]:
    """Each figure as one source tells it, our own reader first."""
    first: dict[str, str] = {}
    for one in figures:
        source = one.get("source", "")
        first[one.name] = min(first.get(one.name, source), source)
    return {one: value for one, value in figures.items() if one.get("source", "") == first[one.name]}


def _values(project_id: int, expr: str, now: dt.datetime) -> dict[Labels, float]:
    found = query.instant(project_id, expr, now).points()
    return {labels: float(values[-1]) for labels, _times, values in found}


def _processes_seen(project_id: int, now: dt.datetime) -> Figures:
    told = ("gpu_process_memory_bytes", "gpu_process_utilization_ratio")
    return _values(project_id, " or ".join(f"timestamp({name})" for name in told), now)


def _host(name: str, own: Figures, cards: list[CardRow]) -> HostRow:
    states = _by(own, "gpu_driver_state", "state")
    return HostRow(
        name=name,
        state=next((state for state, holds in states.items() if holds), ""),
        cards=tuple(sorted(cards, key=lambda card: (card.gpu.zfill(4), card.uuid))),
        driver=next(iter(_by(own, "gpu_driver_info", "driver")), ""),
        restarts=sum(_by(own, "gpu_driver_restarts_total", "").values()),
        dropped=sum(_by(own, "gpu_agent_dropped_samples_total", "reason").values()),
    )


def _past(project_id: int, names: AbstractSet[str], now: dt.datetime) -> Past:
    """What the last minutes and hours tell of cards beside their newest figures; asked only where it may be known."""
    found = Past(set(), defaultdict(dict), defaultdict(set))
    if "gpu_nvlink_up" in names:
        for labels in _values(project_id, LINKED, now):
            found.linked.add(_key(labels))
    if "gpu_throttle_seconds_total" in names:
        for labels, value in _values(project_id, HELD, now).items():
            found.held[_key(labels)][labels.get("reason", "")] = value > 0
    if names & {"gpu_xid_errors_total", "gpu_xid_last_code"}:
        for labels in _values(project_id, COUNTED_XIDS, now):
            found.xids[_key(labels)].add(int(labels["xid"]))
        for labels, value in _values(project_id, LAST_XIDS, now).items():
            found.xids[_key(labels)].add(int(value))
    return found


def _key(labels: Labels) -> Key:
    return labels.get("host", ""), labels.get("uuid", "")


def _card(labels: Labels, figures: Figures, at: dt.datetime | None, alive: Figures, past: Past) -> CardRow:
    key = _key(labels)
    plain = {
        one.name.removeprefix("gpu_"): value
        for one, value in figures.items()
        if set(one) <= {"__name__", *_IDENTITY}
    }
    up = None if at is None else plain.get("up", 1.0) > 0
    text = (labels.get("name", "") + labels["uuid"]).lower()
    return CardRow(
        host=labels.get("host", ""),
        gpu=labels.get("gpu", ""),
        uuid=labels["uuid"],
        name=labels.get("name", ""),
        simulated=labels.get("simulated") == "true" or "simulated" in text,
        at=at,
        up=up,
        figures=plain,
        clocks_hertz=_by(figures, "gpu_clock_hertz", "clock"),
        throttle={name: value > 0 for name, value in _by(figures, "gpu_throttle", "reason").items()}
        or dict(past.held.get(key, {})),
        ecc_errors=_by(figures, "gpu_ecc_errors_total", "kind"),
        remapped_rows=_by(figures, "gpu_remapped_rows", "kind"),
        links={name: value > 0 for name, value in _by(figures, "gpu_nvlink_up", "link").items()},
        linked=key in past.linked,
        recent_xids=frozenset(past.xids.get(key, ())),
        xids=_by(figures, "gpu_xid_code_errors_total", "xid"),
        processes=_processes(figures, at, alive),
        partitions=_partitions(figures),
    )


def _processes(figures: Figures, at: dt.datetime | None, alive: Figures) -> tuple[ProcessRow, ...]:
    since = 0.0 if at is None else (at - FRESH).timestamp()
    found: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    commands: dict[str, str] = {}
    for one, value in figures.items():
        if one.name.startswith("gpu_process_"):
            # with the figure itself, or beside it in a series of its own
            commands[one.get("pid", "")] = one.get("command", "") or commands.get(one.get("pid", ""), "")
            if alive.get(one.nameless, 0.0) >= since:
                found[one.get("pid", ""), one.get("gpu_instance", "")][one.name] = value
    rows = [
        ProcessRow(
            pid, commands[pid], told.get("gpu_process_memory_bytes"), told.get("gpu_process_utilization_ratio"),
            instance,
        )
        for (pid, instance), told in found.items()
    ]  # fmt: skip
    return tuple(sorted(rows, key=lambda row: (-(row.memory_bytes or 0), row.pid)))


def _partitions(figures: Figures) -> tuple[PartitionRow, ...]:
    found: dict[tuple[str, str, str], dict[str, float]] = defaultdict(dict)
    for one, value in figures.items():
        if one.name.startswith("gpu_mig_") and "gpu_instance" in one:
            found[one.get("mig_uuid", ""), one.get("profile", ""), one["gpu_instance"]][one.name] = value
    rows = [
        PartitionRow(
            uuid, profile, instance, told.get("gpu_mig_memory_used_bytes"),
            told.get("gpu_mig_memory_total_bytes"), told.get("gpu_mig_sm_activity_ratio"),
        )
        for (uuid, profile, instance), told in found.items()
    ]  # fmt: skip
    return tuple(sorted(rows, key=lambda row: row.gpu_instance.zfill(4)))


def _by(figures: Figures, name: str, label: str) -> dict[str, float]:
    return {one.get(label, ""): value for one, value in figures.items() if one.name == name}

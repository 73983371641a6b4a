"""What the page of GPUs says of cards: verdicts, gauges, and when they were throttled."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from dashboards import ask
from dashboards.colours import NEUTRAL, slot
from dashboards.panels.base import Frame
from dashboards.visit import Visit
from monitor.gpu.rows import TROUBLE, CardRow, HostRow

FULL, HOT_MARGIN, HOT = 0.95, 5.0, 85.0
# the end of the bar where a card tells no limit of its own
USUAL_LIMIT_CELSIUS = 100.0
# the memory's own sensor: where the makers' limits begin
MEMORY_HOT = 105.0
TIMELINE_POINTS = 240
Verdict = tuple[str, str]
# what the events that people meet most often mean
XIDS: dict[int, str | Promise] = {
    13: lazy("a program's fault: graphics engine exception"), 31: lazy("a program's fault: memory page fault"),
    43: lazy("a program's fault: its work was reset"), 45: lazy("work was stopped, after another error"),
    48: lazy("double bit memory error"), 62: lazy("the card's own processor halted"),
    63: lazy("a bad row of memory was replaced"), 64: lazy("a bad row of memory could not be replaced"),
    74: lazy("NVLink error"), 79: lazy("the card fell off the bus"), 92: lazy("many corrected memory errors"),
    94: lazy("memory error, contained to one program"), 95: lazy("memory error, not contained: reset the card"),
    119: lazy("the driver got no answer from the card"), 120: lazy("the card's own processor failed"),
}  # fmt: skip
# after these the card or its results are not to be trusted; after those a program was hit
GRAVE, SERIOUS = frozenset({48, 79, 95, 119, 120}), frozenset({74, 94})
REASONS: dict[str, str | Promise] = {
    "power_cap": lazy("power limit"), "hw_slowdown": lazy("hardware slowdown"), "sw_thermal": lazy("heat (driver)"),
    "hw_thermal": lazy("heat (hardware)"), "power_brake": lazy("power brake"), "idle": lazy("idle"),
    "thermal": lazy("heat"), "power": lazy("power limit"), "reliability": lazy("voltage limit"), "board_limit": lazy("board limit"),
    "clocks_setting": lazy("clocks were set"), "sync_boost": lazy("sync boost"), "display_clocks": lazy("display"),
}  # fmt: skip
DRIVER: dict[str, tuple[str, str | Promise]] = {
    "ok": ("good", lazy("driver answers")), "no_driver": ("unknown", lazy("no NVIDIA driver on this host")),
    "version_mismatch": ("bad", lazy("the driver was replaced and its old library is still in use")),
    "failing": ("bad", lazy("the driver does not answer")), "": ("unknown", lazy("nothing said about the driver")),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Gauge:
    """One figure of a card; ``share`` fills its bar, None draws none."""

    name: str
    value: float | None
    unit: str
    share: float | None


def verdict(card: CardRow) -> Verdict:
    """State and reason: lost, broken, hot, throttled, full; unknown where nothing was told of these."""
    if card.up is None:
        return "unknown", _("told nothing in the last five minutes")
    if not card.up:
        return "bad", _("lost: it does not answer any more")
    broken = _broken(card)
    if broken:
        return "bad", broken
    if _hot(card):
        return "bad", _("hot")
    doubt = _doubt(card)
    if doubt:
        return "warn", doubt
    known = [card.told("temperature_celsius"), card.memory_ratio, card.throttle or None]
    if known == [None] * len(known):
        return "unknown", _("tells neither heat nor memory")
    if None in known:
        return "unknown", _("nothing found in what it tells")
    return "good", _("nothing found")


def reasons(names: Iterable[str]) -> list[str]:
    return [str(REASONS.get(name, name)) for name in names]


def gauges(card: CardRow) -> list[Gauge]:
    """The four figures everybody looks for first, then what only newer cards tell."""
    told = {name: value for name in card.figures if (value := card.told(name)) is not None}
    heat, power, most = (
        told.get(name) for name in ("temperature_celsius", "power_watts", "power_limit_watts")
    )
    busy = told.get("utilization_ratio")
    limit = told.get("temperature_limit_celsius") or USUAL_LIMIT_CELSIUS
    found = [
        Gauge(_("Utilisation"), busy, "ratio", busy),
        Gauge(_("Memory"), told.get("memory_used_bytes"), "bytes", card.memory_ratio),
        Gauge(_("Temperature"), heat, "celsius", None if heat is None else heat / limit),
        Gauge(_("Power"), power, "watts", power / most if power is not None and most else None),
    ]
    for name, figure in (
        (_("Multiprocessors busy"), "sm_activity_ratio"),
        (_("Tensor cores busy"), "tensor_activity_ratio"),
        (_("Memory bandwidth"), "dram_activity_ratio"),
    ):
        if figure in told:
            found.append(Gauge(name, told[figure], "ratio", told[figure]))
    return found


def notes(card: CardRow) -> list[str]:
    """What else is worth a line: clocks, reasons, errors."""
    found = []
    if card.throttle:
        active = [name for name, holds in card.throttle.items() if holds]
        found.append(", ".join(reasons(active)) if active else _("not throttled"))
    else:
        found.append(_("throttling: unknown"))
    width, widest = card.figures.get("pcie_link_width"), card.figures.get("pcie_link_width_max")
    if width is not None and widest is not None:
        generation = card.figures.get("pcie_link_generation", 0)
        found.append(f"PCIe {generation:.0f} ×{width:.0f}" + (f" / ×{widest:.0f}" if width < widest else ""))
    if card.links:
        up = sum(card.links.values())
        found.append(_("NVLink %(up)s of %(all)s up") % {"up": up, "all": len(card.links)})
    if card.ecc_errors:
        corrected, not_so = (card.ecc_errors.get(kind, 0) for kind in ("corrected", "uncorrected"))
        found.append(_("ECC: %(corrected)s corrected, %(not)s not") % {"corrected": f"{corrected:.0f}", "not": f"{not_so:.0f}"})  # fmt: skip
    found += [f"XID {code}: {count:.0f}×" for code, count in sorted(card.xids.items())]
    return found


def host_verdict(host: HostRow) -> Verdict:
    tone, word = DRIVER.get(host.state, ("unknown", host.state))
    return tone, str(word)


def throttled(visit: Visit) -> list[Frame] | ask.AskError:
    """Stretches in which a reason held a card's clocks down, a frame a reason; and those nobody told of."""
    step = visit.span.step(TIMELINE_POINTS)
    names = "|".join(sorted(TROUBLE))
    window = f"{int(step.total_seconds())}s"
    expr = f'max by (host, gpu, reason) (max_over_time(gpu_throttle{{reason=~"{names}"}}[{window}]))'
    try:
        found = ask.frames(visit.project_id, expr, visit.span, TIMELINE_POINTS)
    except ask.AskError as error:
        return error
    lanes: dict[str, list[Frame]] = {}
    for frame in found:
        lanes.setdefault(f"{frame.labels.get('host', '')} / {frame.labels.get('gpu', '')}", []).append(frame)
    width = int(step.total_seconds() * 1000)
    by_reason: dict[str, list[tuple[str, int, int]]] = {}
    for lane, frames in sorted(lanes.items()):
        for frame in frames:
            active = np.nan_to_num(frame.columns["value"]) > 0
            rows = [(lane, *one) for one in stretches(frame.columns["time"], active, width)]
            by_reason.setdefault(frame.labels.get("reason", ""), []).extend(rows)
        silent = np.all([np.isnan(frame.columns["value"]) for frame in frames], axis=0)
        rows = [(lane, *one) for one in stretches(frames[0].columns["time"], silent, width)]
        by_reason.setdefault("", []).extend(rows)
    return _frames(by_reason)


def stretches(times: Iterable[int], active: Iterable[bool], width: int) -> list[tuple[int, int]]:
    """Start and end of each run of steps in which it held; a step tells of the time before it."""
    found: list[tuple[int, int]] = []
    for moment, holds in zip(times, active, strict=True):
        if not holds:
            continue
        start = int(moment) - width
        if found and found[-1][1] == start:
            found[-1] = (found[-1][0], int(moment))
        else:
            found.append((start, int(moment)))
    return found


def _frames(by_reason: dict[str, list[tuple[str, int, int]]]) -> list[Frame]:
    found = []
    for index, name in enumerate([*sorted(TROUBLE), ""]):
        rows = by_reason.get(name, [])
        if rows:
            lanes, starts, ends = zip(*rows, strict=True)
            columns = {"lane": np.array(lanes), "start": np.array(starts), "end": np.array(ends)}
            word = str(REASONS.get(name, name)) if name else _("unknown")
            found.append(Frame(word, columns, {}, slot(index) if name else NEUTRAL))
    return found


def _hot(card: CardRow) -> bool:
    heat, limit = card.told("temperature_celsius"), card.told("temperature_limit_celsius")
    memory = card.told("memory_temperature_celsius")
    return (heat is not None and heat >= (limit - HOT_MARGIN if limit else HOT)) or (
        memory or 0
    ) >= MEMORY_HOT


def _broken(card: CardRow) -> str:
    if card.ecc_errors.get("uncorrected", 0) > 0:
        return _("uncorrected memory errors")
    if card.told("remapped_rows_failed"):
        return _("no spare row of memory is left")
    return _events(card, GRAVE)


def _doubt(card: CardRow) -> str:
    """What is no fault yet and worth a look; the pressing first."""
    if events := _events(card, SERIOUS):
        return events
    if card.throttled:
        return _("throttled: %(reasons)s") % {"reasons": ", ".join(reasons(card.throttled))}
    if (card.memory_ratio or 0) >= FULL:
        return _("memory nearly full")
    if card.links_down:
        return _("NVLink down: %(links)s") % {"links": ", ".join(card.links_down)}
    if card.told("remapped_rows_pending") or card.told("retired_pages_pending"):
        return _("a bad row of memory waits for a reset")
    return ""


def _events(card: CardRow, which: frozenset[int]) -> str:
    code = min(card.recent_xids & which, default=None)
    if code is None:
        return ""
    return _("XID %(code)s within the hour: %(meaning)s") % {"code": code, "meaning": XIDS[code]}

"""What pages may know about drift: watches sorted by effect, one report with both histograms."""

import datetime as dt
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from monitor.core import clock
from monitor.drift import anomalies, explain, features, policy, reasons, reports, walk
from monitor.drift.detectors import DETECTORS
from monitor.drift.embedders import WHAT_HASHING_SEES, is_offline
from monitor.drift.engine.matching import HOUR
from monitor.drift.models import DriftReport, DriftSignal, DriftSketch, DriftWatch, WatchState
from monitor.drift.signals import kind_of
from monitor.drift.stages import FULL, Maturity
from monitor.drift.unheard import Unheard
from monitor.drift.unheard import find as unheard

__all__ = [
    "WHAT_HASHING_SEES",
    "Moved",
    "Place",
    "Report",
    "SignalRow",
    "Unheard",
    "Volume",
    "WatchRow",
    "Why",
    "false_pages_a_month",
    "moments",
    "report",
    "signals",
    "unheard",
    "volumes",
    "watches",
    "why",
]


@dataclass(frozen=True, slots=True)
class WatchRow:
    """One watch with what it found last. ``effect`` and the rest are None while ``state`` is unknown.

    ``state``: unknown, learning, ok, warning or drift. ``size``: effect over the edge of the normal band.
    ``selector``: label matchers for PromQL on ``llm_drift_effect`` and its companions.
    """

    id: int
    model: str
    version: str
    feature: str
    label: str
    detector: str
    unit: str
    enabled: bool
    state: str
    reason: str
    at: dt.datetime | None
    effect: float | None
    normal_low: float | None
    normal_high: float | None
    evidence: float | None
    change: float | None
    headline: str
    selector: str
    reference_from: dt.datetime | None
    reference_to: dt.datetime | None
    reference_version: str
    last_ok: dt.datetime | None
    last_error: str

    @property
    def size(self) -> float:
        if self.effect is None or not self.normal_high:
            return -1.0
        return abs(self.effect) / self.normal_high


@dataclass(frozen=True, slots=True)
class Report:
    """One comparison. ``edges`` has one number more than the two lists of shares; all empty for vectors.

    ``reference_quantiles`` and ``current_quantiles``: p5 p25 p50 p75 p95 p99 → value. ``shares``: of categories
    those that moved most: name, share before and now.
    """

    watch: WatchRow
    at: dt.datetime
    n_reference: int
    n_current: int
    reference_span: tuple[dt.datetime, dt.datetime]
    current_span: tuple[dt.datetime, dt.datetime]
    reference_version: str
    edges: list[float] = field(default_factory=list)
    reference_shares: list[float] = field(default_factory=list)
    current_shares: list[float] = field(default_factory=list)
    reference_quantiles: dict[str, float] = field(default_factory=dict)
    current_quantiles: dict[str, float] = field(default_factory=dict)
    shares: list[tuple[str, float, float]] = field(default_factory=list)
    facts: dict[str, float] = field(default_factory=dict)
    examples: list[UUID] = field(default_factory=list)
    note: str = ""


@dataclass(frozen=True, slots=True)
class Stream:
    """One value of a dimension (a topic, a tenant): its effect, and its own evidence (1 = it pages)."""

    name: str
    effect: float | None
    evidence: float


@dataclass(frozen=True, slots=True)
class SignalRow:
    """One signal as its last tick left it. ``effect`` and the rest are None while ``state`` is unknown.

    ``scale``: percent, points, score, ratio or radius; says how ``effect`` and the band are read.
    ``since``: when its evidence began to rise. ``maturity``: full, growing or young (only full ones page).
    ``note``: what it can't see, where its vectors are those of the offline embedder.
    ``ready``: when a learning one says something first, ``full``: when it may page; None: nobody knows yet.
    """

    id: int
    model: str
    version: str
    kind: str
    label: str
    scale: str
    enabled: bool
    state: str
    reason: str
    at: dt.datetime | None
    effect: float | None
    low: float | None
    high: float | None
    evidence: float | None
    streams: tuple[Stream, ...]
    since: dt.datetime | None
    maturity: str
    reference: tuple[str, dt.datetime, dt.datetime] | None
    ready: dt.datetime | None
    full: dt.datetime | None
    selector: str
    last_ok: dt.datetime | None
    last_error: str
    note: str = ""

    @property
    def size(self) -> float:
        """The effect over the edge of its band; 0 while there is none."""
        if self.effect is None or not self.high:
            return 0.0
        return abs(self.effect) / self.high

    @property
    def top(self) -> str:
        """The stream that moved; empty where there is only one."""
        return self.streams[0].name if self.streams else ""


@dataclass(frozen=True, slots=True)
class Moved:
    """A word, or a value of ``dimension``, and its share before and now."""

    name: str
    before: float
    now: float
    dimension: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """A slice of the calls in which the signal moved, with the rest of them beside it; the means before and now.

    ``evidence``: log10 of its e-value. ``share``: of the calls of now. ``new``: it had hardly any calls before, so
    ``before`` is that of all calls.
    """

    dimension: str
    value: str
    before: float
    now: float
    rest_before: float | None
    rest_now: float | None
    share: float
    evidence: float
    new: bool


@dataclass(frozen=True, slots=True)
class Why:
    """What an unusual signal is made of. ``text``: whether the words are those of prompts or of outputs.

    ``places``: the slices that stand out of all ``looked`` at, by evidence. ``reading``: how their means are to be
    read (log: of logarithms; share: of calls; empty: as they are). ``of``: the value whose share is meant.
    ``slices``: values that became more or less of the calls.
    """

    text: str
    n_before: int
    n_now: int
    came: tuple[Moved, ...]
    went: tuple[Moved, ...]
    slices: tuple[Moved, ...]
    examples: tuple[UUID, ...]
    places: tuple[Place, ...] = ()
    looked: int = 0
    reading: str = ""
    of: str = ""


@dataclass(frozen=True, slots=True)
class Volume:
    """What is expected of a model's calls. ``basis``: none, yesterday or weeks.

    ``known``: something is expected of the present; else there is no verdict. ``tokens``: whether its output tokens
    are anomalous. ``selector``: label matchers for ``llm_anomaly_expected`` and its companions.
    """

    model: str
    signal: str
    basis: str
    anomalous: bool
    tokens: bool
    known: bool
    at: dt.datetime
    selector: str


# a look at the volume says nothing about now after so long: nobody looks, or the model is gone
VOLUME_HOLDS = dt.timedelta(minutes=30)
STATE_ORDER = ("drift", "warning", "ok", "learning", "unknown")


def signals(project_id: int, *, model: str = "") -> list[SignalRow]:
    """Every signal of the project: what pages first, then by evidence and size; unknown ones last."""
    rows = DriftSignal.objects.filter(project_id=project_id).defer("progress")
    if model:
        rows = rows.filter(model=model)
    found = [_signal(one) for one in rows]
    return sorted(
        found,
        key=lambda row: (
            STATE_ORDER.index(row.state),
            -(row.evidence or 0.0),
            -row.size,
            row.model,
            row.version,
        ),
    )


def false_pages_a_month(project_id: int) -> float:
    """How many false pages the policy bears, of all that is watched."""
    return policy.of(project_id).false_pages


def _signal(row: DriftSignal) -> SignalRow:
    kind, body = kind_of(row.kind), row.body
    known = bool(body) and row.state not in {WatchState.UNKNOWN, WatchState.LEARNING}
    reference = body.get("reference")
    growing = reference is not None and body.get("maturity") != Maturity.FULL
    return SignalRow(
        id=row.pk,
        model=row.model,
        version=row.version,
        kind=row.kind,
        label=str(kind.label),
        scale=kind.scale,
        enabled=row.enabled,
        state=row.state,
        reason=reasons.told(row.reason),
        at=_moment(body.get("end")),
        effect=body["effect"] if known else None,
        low=body["low"] if known else None,
        high=body["high"] if known else None,
        evidence=body["evidence"] if known else None,
        streams=tuple(Stream(*one) for one in body["names"]) if known else (),
        since=_moment(body.get("since")) if known else None,
        maturity=body.get("maturity", ""),
        reference=(reference[0], *(_moment(hour * HOUR) for hour in reference[1:])) if reference else None,
        ready=_moment(body.get("ready")) if row.state == WatchState.LEARNING else None,
        full=_moment((reference[1] + FULL) * HOUR) if growing else None,
        selector=", ".join(
            f'{name}="{_escaped(value)}"' for name, value in walk.labels(row).items_sorted if name != "slice"
        ),
        last_ok=row.last_ok,
        last_error=reasons.told(row.last_error),
        note=_note(body.get("embedder", "")),
    )


def why(project_id: int, signal_id: int) -> Why | None:
    """Why a signal is unusual; None while it is not, or while nobody has looked."""
    row = DriftSignal.objects.filter(project_id=project_id, pk=signal_id).first()
    if row is None or row.state not in {WatchState.WARNING, WatchState.DRIFT}:
        return None
    found = explain.told(row)
    if not found:
        return None
    came, went = (tuple(Moved(*one) for one in found[side]) for side in ("came", "went"))
    slices = tuple(Moved(value, before, now, name) for name, value, before, now in found["slices"])
    examples = tuple(UUID(one) for one in found["examples"])
    return Why(
        found["text"], found["n_before"], found["n_now"], came, went, slices, examples,
        # what an earlier release found has none of these
        tuple(Place(*one) for one in found.get("where", ())), found.get("looked", 0), found.get("reading", ""),
        found.get("of", ""),
    )  # fmt: skip


def volumes(project_id: int, *, now: dt.datetime) -> list[Volume]:
    """The volumes of the project's models, as the last tick left them; of an old one nothing is known any more."""
    rows = DriftSketch.objects.filter(project_id=project_id, part="baseline requests").order_by("model")
    found = []
    for model in rows.values_list("model", flat=True):
        told = anomalies.told(project_id, model, "requests")
        selector = f'model="{_escaped(model)}", signal="requests"'
        at = clock.from_ms(told["to"] * 1000)
        tokens = anomalies.told(project_id, model, "output_tokens").get("anomalous", False)
        known = told["expected"] is not None and now - at <= VOLUME_HOLDS
        found.append(Volume(model, "requests", told["basis"], told["anomalous"], tokens, known, at, selector))
    return found


def _moment(seconds: float | None) -> dt.datetime | None:
    return None if seconds is None else clock.from_ms(int(seconds) * 1000)


def watches(project_id: int, *, model: str = "") -> list[WatchRow]:
    """Every watch of the project, the largest effect first; those without one last."""
    rows = DriftWatch.objects.filter(project_id=project_id).defer("reference", "progress")
    if model:
        rows = rows.filter(model=model)
    last = {
        one.watch_id: one
        for one in DriftReport.objects.filter(watch__in=rows).order_by("watch_id", "-at").distinct("watch_id")
    }
    found = [_row(one, last.get(one.pk)) for one in rows]
    return sorted(found, key=lambda row: (-row.size, row.model, row.version, row.feature))


def report(project_id: int, watch_id: int, *, at: dt.datetime | None = None) -> Report | None:
    """The newest report of a watch, or the newest at or before ``at``; None when there is none."""
    watch = DriftWatch.objects.filter(project_id=project_id, pk=watch_id).first()
    found = DriftReport.objects.filter(watch_id=watch_id)
    if at is not None:
        found = found.filter(at__lte=at)
    last = found.order_by("-at").first()
    return None if watch is None or last is None else _report(watch, last)


def moments(project_id: int, watch_id: int, *, limit: int = 200) -> list[tuple[dt.datetime, str]]:
    """When there are reports, with their states, newest first; for stepping back in time."""
    rows = DriftReport.objects.filter(watch_id=watch_id, watch__project_id=project_id).order_by("-at")
    return list(rows.values_list("at", "state")[:limit])


def _row(watch: DriftWatch, last: DriftReport | None) -> WatchRow:
    kind = DETECTORS.get(watch.detector)
    known = last if last is not None and last.state == watch.state else None
    body: dict[str, Any] = known.body if known else {}
    return WatchRow(
        id=watch.pk,
        model=watch.model,
        version=watch.version,
        feature=watch.feature,
        label=_label(watch.feature),
        detector=watch.detector,
        unit=kind.unit if kind else "",
        enabled=watch.enabled,
        state=watch.state,
        reason=reasons.told(watch.reason),
        at=known.at if known else None,
        effect=known.effect if known else None,
        normal_low=known.normal_low if known else None,
        normal_high=known.normal_high if known else None,
        evidence=known.evidence if known else None,
        change=body.get("change"),
        headline=_headline(watch, known),
        selector=", ".join(
            f'{name}="{_escaped(value)}"' for name, value in reports.labels(watch).items_sorted
        ),
        reference_from=watch.reference_from,
        reference_to=watch.reference_to,
        reference_version=watch.reference_version,
        last_ok=watch.last_ok,
        last_error=reasons.told(watch.last_error),
    )


def _figure(value: float) -> str:
    """Two digits, and never a power of ten: tokens run into the hundreds."""
    return f"{value:.2g}" if abs(value) < 100 else f"{value:.0f}"


def called(feature: str) -> str:
    """What the label ``feature`` of a series names, a signal or what a watch looks at, as people read it."""
    try:
        return str(kind_of(feature).label)
    except KeyError:
        return _label(feature)


def _label(feature: str) -> str:
    try:
        return str(features.of(feature).label)
    except features.UnknownFeatureError:
        return feature


def _headline(watch: DriftWatch, last: DriftReport | None) -> str:
    """What moved, in words; a change of shape can be large where the average hardly moved."""
    if last is None or last.effect is None:
        return reasons.told(watch.reason)
    said = {
        "what": _label(watch.feature),
        "effect": _figure(last.effect),
        "high": _figure(last.normal_high or 0.0),
    }
    change = last.body.get("change")
    if change is None:
        return _("%(what)s: moved by %(effect)s (normal up to %(high)s)") % said
    said["percent"] = f"{abs(change) * 100:.0f}"
    if change >= 0:
        return _("%(what)s: on average %(percent)s %% more; effect %(effect)s (normal up to %(high)s)") % said
    return _("%(what)s: on average %(percent)s %% less; effect %(effect)s (normal up to %(high)s)") % said


def _report(watch: DriftWatch, last: DriftReport) -> Report:
    body = last.body
    bars = body["histogram"] or {"edges": [], "reference": [], "current": []}
    quantiles = body["quantiles"] or {"reference": {}, "current": {}}
    return Report(
        watch=_row(watch, last),
        at=last.at,
        n_reference=body["reference"]["n"],
        n_current=body["current"]["n"],
        reference_span=_span(body["reference"]),
        current_span=_span(body["current"]),
        reference_version=body["reference"]["version"],
        edges=bars["edges"],
        reference_shares=bars["reference"],
        current_shares=bars["current"],
        reference_quantiles=quantiles["reference"],
        current_quantiles=quantiles["current"],
        shares=[(name, before, now) for name, before, now in body.get("shares") or ()],
        facts=body["facts"],
        examples=[UUID(one) for one in body["examples"]],
        note=_note(body["embedder"]),
    )


def _note(embedder: str) -> str:
    """What vectors of this embedder can show and what they can't."""
    return str(WHAT_HASHING_SEES) if is_offline(embedder) else ""


def _span(body: dict[str, Any]) -> tuple[dt.datetime, dt.datetime]:
    return dt.datetime.fromisoformat(body["start"]), dt.datetime.fromisoformat(body["end"])


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

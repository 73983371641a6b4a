"""Takes one signal through event time, tick by tick: effect, evidence, state, series.

A step depends on the stored calls and its own moment only. A tick is closed ``seal`` seconds after its end,
and what it found stands in the series from then until the next tick is closed; so a history that is told
late and replayed gives the points that it would have given live.
"""

import datetime as dt
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from monitor.core import clock
from monitor.core.labels import NAME, Labels
from monitor.drift import channels
from monitor.drift.channels import Channel, Judged, NothingToLearnError, Window
from monitor.drift.engine.detector import WARNING, Alarm, Evidence
from monitor.drift.engine.matching import DAYS_FOR_WEEKLY, HOUR, Calendar
from monitor.drift.models import DriftSignal, WatchState
from monitor.drift.policy import Policy
from monitor.drift.shelf import Shelf
from monitor.drift.signals import SignalKind, kind_of
from monitor.drift.stages import STEPS, Maturity, Pin, Reference, next_change, reference_at
from monitor.store.samples import append

DETECTOR = "seasonal"
SERIES = ("llm_drift_effect", "llm_drift_normal_low", "llm_drift_normal_high", "llm_drift_evidence")
# PromQL looks back 5 minutes for a gauge
HOLD = 240
# the mean effect of 6 hours closes a page, and the load of a tick needs the one before
LEAD_HOURS = 7
HOURS_AT_ONCE = 7 * 24
# streams whose evidence is worth a series of its own
NAMED = 3
LEAST_NAMED = 0.05
# a state below full maturity warns, it never pages
NEVER_QUITE = 0.99

Point = tuple[Labels, int, float]
_fitted: OrderedDict[tuple[Any, ...], Channel | NothingToLearnError] = OrderedDict()
MOST_FITTED = 400


@dataclass(slots=True)
class Found:
    """What a tick found. ``effect`` None: too few calls to say anything."""

    end: int
    state: WatchState
    effect: float | None
    low: float
    high: float
    evidence: float
    names: list[tuple[str, float | None, float]] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return {
            "end": self.end, "state": self.state, "effect": self.effect, "low": self.low, "high": self.high,
            "evidence": self.evidence, "names": self.names,
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Found":
        names = [(name, effect, evidence) for name, effect, evidence in data["names"]]
        return cls(
            data["end"], WatchState(data["state"]), data["effect"], data["low"], data["high"],
            data["evidence"], names,
        )  # fmt: skip


class Walk:
    """One signal on its way. ``firsts``: the first hour of each version of the model.

    ``begin``: points before it (Unix seconds) are not written. ``pages``: when pages began, as
    points say it, and the stream that moved.
    """

    def __init__(
        self, signal: DriftSignal, shelf: Shelf, firsts: dict[str, int], policy: Policy, *, begin: int = 0
    ) -> None:
        self.begin = begin
        self.pages: list[tuple[int, str]] = []
        self._labels: dict[tuple[str, str], Labels] = {}
        self.signal = signal
        self.kind: SignalKind = kind_of(signal.kind)
        self.shelf = shelf
        self.firsts = firsts
        self.policy = policy
        self.pin = _pin_of(signal)

    def run(self, until: int, newest: int) -> int:
        """Take every tick that is closed at ``until`` and not after the ``newest`` call; how many (Unix s)."""
        last = min(until - self.kind.seal, newest + self.kind.tick) // self.kind.tick * self.kind.tick
        start = self.signal.evaluated_to or (self.firsts[self.signal.version] + STEPS[0]) * HOUR
        self._write(self._held(until))
        taken = 0
        begun = self._judges(last) if start < last and self.kind.source == "judge" else []
        while start < last:
            hour = start // HOUR
            firsts, pin = self._since(hour, begun)
            reference = reference_at(hour, self.signal.version, firsts, pin, shared=self.kind.input)
            change = next_change(hour, reference, pin.first or firsts[self.signal.version])
            change = min([change, *(one for one in begun if one > hour)])
            stop = min(last, change * HOUR, start + HOURS_AT_ONCE * HOUR)
            taken += self._stretch(reference, start, stop, until, firsts)
            start = stop
        return taken

    def _judges(self, last: int) -> list[int]:
        """The hours in which a judge was new, or another than before: marks of two must not be compared."""
        return self.shelf.judged_since(self.firsts, last // HOUR)

    def _since(self, hour: int, begun: list[int]) -> tuple[dict[str, int], Pin]:
        """The first hours of the versions, and what people pinned; after a judge changed only what came since."""
        begin = max((one for one in begun if one <= hour), default=0)
        if begin <= max(self.firsts[self.signal.version], self.pin.first or 0):
            return self.firsts, self.pin
        return {self.signal.version: begin}, Pin()

    def _stretch(
        self, reference: Reference | None, start: int, stop: int, until: int, firsts: dict[str, int]
    ) -> int:
        """The ticks in (start, stop], all measured by one reference."""
        channel = self._channel(reference)
        if reference is None or channel is None or isinstance(channel, NothingToLearnError):
            self._learn(stop, str(channel) if channel else "", firsts[self.signal.version])
            return 0
        judged = channel.judge(self._window(start // HOUR - LEAD_HOURS, -(-stop // HOUR), reference))
        progress = self._progress(reference, channel)
        evidence, alarm = Evidence.from_json(progress["bets"]), Alarm.from_json(progress)
        named: str | None = progress.get("named")
        points: list[Point] = []
        found = self._last()
        ticks = np.flatnonzero((judged.ends > start) & (judged.ends <= stop))
        for tick in ticks.tolist():
            judged.take(evidence, tick)
            found, named = self._look(channel, judged, evidence, alarm, tick, reference, named)
            points += self._points(found, found.end + self.kind.seal, until)
        self.signal.progress = {
            "reference": [reference.version, reference.first, reference.end],
            "bets": evidence.to_json(), **alarm.to_json(), "named": named,
            "last": found.to_json() if found else None,
        }  # fmt: skip
        self._write(points)
        self._note(stop, found, reference, alarm)
        return len(ticks)

    def _channel(self, reference: Reference | None) -> Channel | NothingToLearnError | None:
        """The signal fitted to the reference, remembered between runs."""
        if reference is None:
            return None
        calendar = self._calendar(reference)
        key = (
            self.shelf.project_id, self.shelf.model, self.kind.name, reference, calendar.zone.key,
            calendar.holidays, self.shelf.epoch,
        )  # fmt: skip
        if key not in _fitted:
            window = self._reference_window(reference)
            try:
                clusters = window[1]
                _fitted[key] = channels.fit(self.kind, window[0], calendar, reference.maturity, clusters)
            except NothingToLearnError as error:
                _fitted[key] = error
            while len(_fitted) > MOST_FITTED:
                _fitted.popitem(last=False)
        _fitted.move_to_end(key)
        return _fitted[key]

    def _calendar(self, reference: Reference) -> Calendar:
        weekly = reference.end - reference.first >= DAYS_FOR_WEEKLY * 24
        return Calendar(self.policy.calendar.zone, self.policy.calendar.holidays, weekly=weekly)

    def _reference_window(self, reference: Reference) -> tuple[Window, Any]:
        clusters = self.shelf.clusters(reference, self.kind.source) if self.kind.part == "vectors" else None
        window = self.shelf.window(
            reference.version, reference.first, reference.end, part=self.kind.part, load_of=self._load_of(),
            clusters=clusters,
        )  # fmt: skip
        return window, clusters.clusters if clusters else None

    def _window(self, first: int, end: int, reference: Reference) -> Window:
        clusters = self.shelf.clusters(reference, self.kind.source) if self.kind.part == "vectors" else None
        first = max(first, self.firsts[self.signal.version])
        return self.shelf.window(
            self.signal.version, first, end, part=self.kind.part, load_of=self._load_of(), clusters=clusters
        )

    def _load_of(self) -> list[str]:
        return list(self.firsts) if self.kind.match == "load" else []

    def _progress(self, reference: Reference, channel: Channel) -> dict[str, Any]:
        """Where the evidence stands; another reference begins anew."""
        known: dict[str, Any] = self.signal.progress
        if known.get("reference") == [reference.version, reference.first, reference.end]:
            return known
        return {"bets": channel.evidence().to_json()}

    def _look(
        self, channel: Channel, judged: Judged, evidence: Evidence, alarm: Alarm, tick: int,
        reference: Reference, named: str | None,
    ) -> tuple[Found, str | None]:  # fmt: skip
        end = int(judged.ends[tick])
        limit = self.policy.limit(self.kind.tick, end)
        streams = channel.by_name(evidence)
        top = int(streams.argmax())
        if reference.maturity == Maturity.FULL:
            was = alarm.page_since
            # the evidence is emptied by the page, so its streams are kept from before
            state = alarm.step(evidence, limit, float(end), calm=judged.calm(tick))
            if state == "page" and was is None:
                named = channel.names[top]
                self.pages.append((end + self.kind.seal, named))
            value = 1.0 if state == "page" else evidence.value(limit)
        else:
            value = min(NEVER_QUITE, evidence.value(limit))
            state = "warning" if value >= WARNING else "ok"
        named = named if state == "page" else None
        shown = channel.names.index(named) if named in channel.names else top
        effect = judged.effect[tick]
        if not np.isfinite(effect).any():
            return Found(end, WatchState.UNKNOWN, None, 0.0, 0.0, 0.0), named
        if not np.isfinite(effect[shown]):
            shown = int(np.nanargmax(np.where(np.isfinite(effect), np.abs(effect), -1.0)))
        kept = {"ok": WatchState.OK, "warning": WatchState.WARNING, "page": WatchState.DRIFT}[state]
        return Found(
            end, kept, float(effect[shown]), float(judged.low[min(shown, judged.low.size - 1)]),
            float(judged.high[min(shown, judged.high.size - 1)]), value,
            self._named(channel, effect, streams, named, limit),
        ), named  # fmt: skip

    def _named(
        self, channel: Channel, effect: np.ndarray, streams: np.ndarray, named: str | None, limit: float
    ) -> list[tuple[str, float | None, float]]:
        """The streams that say most, with their effects and evidence: a slice's own, or 1 while it pages."""
        if channel.names == ("",):
            return []
        shares = streams / len(channel.names)
        values = np.clip(np.log(np.maximum(shares, 1.0)) / np.log(limit), 0.0, NEVER_QUITE)
        found = []
        for place in np.argsort(-values)[:NAMED].tolist():
            name = channel.names[place]
            if name == named or values[place] < LEAST_NAMED:
                continue
            found.append((name, _finite(effect[place]), float(values[place])))
        if named is not None:
            found.insert(0, (named, _finite(effect[channel.names.index(named)]), 1.0))
        return found

    def _last(self) -> Found | None:
        stored = self.signal.progress.get("last")
        return Found.from_json(stored) if stored else None

    def _held(self, until: int) -> Iterator[Point]:
        """What the last tick found still stands; its points up to now that are not written yet."""
        found = self._last()
        if found is not None:
            yield from self._points(found, self.signal.progress.get("held_to", 0) + 1, until)

    def _points(self, found: Found, after: int, until: int) -> Iterator[Point]:
        """The points of a tick at or after ``after`` that lie in its time and not in the future."""
        if found.effect is None:
            return
        first = found.end + self.kind.seal
        named = [("", found.effect, found.evidence), *found.names]
        for at in range(first, min(first + self.kind.tick, until + 1), HOLD):
            if at < max(after, self.begin):
                continue
            for name, effect, evidence in named:
                values = {"llm_drift_effect": effect, "llm_drift_evidence": evidence}
                if not name:
                    values |= {"llm_drift_normal_low": found.low, "llm_drift_normal_high": found.high}
                for series, value in values.items():
                    if value is not None:
                        yield self._series(series, name), at * 1000, value

    def _series(self, series: str, name: str) -> Labels:
        if (series, name) not in self._labels:
            self._labels[series, name] = labels(self.signal, name).having({NAME: series})
        return self._labels[series, name]

    def _write(self, points: Any) -> None:
        found = list(points)
        if found:
            append.samples(self.shelf.project_id, found, now=self.shelf.now)
            self.signal.progress["held_to"] = max(at for _, at, _ in found) // 1000

    def _learn(self, stop: int, reason: str, first: int) -> None:
        """No reference, or nothing of this signal in it."""
        self.signal.evaluated_to = stop
        self.signal.progress = {}
        self.signal.state = WatchState.UNKNOWN if reason else WatchState.LEARNING
        self.signal.reason = reason or "learning: the first 6 hours of this version become its reference"
        self.signal.body = {} if reason else {"ready": (first + STEPS[0]) * HOUR}

    def _silence(self) -> str:
        """Why a tick says nothing."""
        beyond = self.kind.match == "load"
        return "too few calls, or more load than the reference has seen" if beyond else "too few calls"

    def _note(self, stop: int, found: Found | None, reference: Reference, alarm: Alarm) -> None:
        self.signal.evaluated_to = stop
        if found is None:
            return
        self.signal.state = found.state
        self.signal.reason = self._silence() if found.effect is None else ""
        self.signal.body = {
            **found.to_json(),
            "since": alarm.rising_since if alarm.page_since is None else min(
                alarm.page_since, alarm.rising_since or alarm.page_since
            ),
            "paged_at": alarm.page_since,
            "maturity": reference.maturity,
            "reference": [reference.version, reference.first, reference.end],
            "embedder": self._embedder(reference),
        }  # fmt: skip

    def _embedder(self, reference: Reference) -> str:
        """Who made the vectors that are compared; empty for what is no vector."""
        found = self.shelf.clusters(reference, self.kind.source) if self.kind.part == "vectors" else None
        return found.embedder if found else ""


def labels(signal: DriftSignal, name: str = "") -> Labels:
    """What the series of a signal are called by, beside their names; ``name`` is one of its streams."""
    return Labels(
        {
            "model": signal.model,
            "version": signal.version,
            "feature": signal.kind,
            "detector": DETECTOR,
            "slice": name,
        }
    )


def _finite(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None


def _pin_of(signal: DriftSignal) -> Pin:
    def hour(moment: dt.datetime | None) -> int | None:
        return None if moment is None else clock.to_ms(moment) // 1000 // HOUR

    return Pin(signal.reference_version, hour(signal.reference_from), hour(signal.reference_to))

"""What pages may know about engines: one row per instance, with its cards, its last hours and what they hint at."""

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np

from monitor import query
from monitor.core.labels import NAME, Labels
from monitor.engines import hints, signals
from monitor.engines.hints import Floats, Hint, Seen
from monitor.engines.hosts import Place, place_of

LIMITS = query.Limits(samples=20_000_000, series=20_000, steps=2_000, seconds=10.0)
STEP, HIT_STEP = dt.timedelta(minutes=1), dt.timedelta(minutes=5)
BACK, DAY = dt.timedelta(seconds=hints.SPAN_SECONDS), dt.timedelta(days=1)
WINDOW = "5m"
MOST = 200
# the newest point of a line may be so many steps old and still be the figure of now
FRESH = 3
LISTED = (
    "running", "waiting", "kv", "hits", "preemptions", "retracted", "queue_time", "ttft", "itl",
)  # fmt: skip
# what slows a card down by fault or heat; a power cap and idling are part of the day
SLOW = 'gpu_throttle{reason=~"hw_slowdown|sw_thermal|hw_thermal|power_brake"}'
CARD_SIGNALS = {
    "utilisation": "max by (host, gpu) (gpu_utilization_ratio)",
    "memory": "max by (host, gpu) (gpu_memory_used_bytes) / (max by (host, gpu) (gpu_memory_total_bytes) > 0)",
    "throttled": f"max by (host, gpu) ({SLOW})",
}
MODELS = ("model_name", "model", "model_id")
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Engine:
    """One instance. ``lines`` lie in ``seen``; ``cards``: the numbers of the cards that it is taken to run on.

    ``utilisation`` and ``memory``: the mean over these cards now; None where they do not tell.
    """

    job: str
    instance: str
    engine: str
    models: tuple[str, ...]
    labels: Mapping[str, str]
    place: Place
    cards: tuple[str, ...]
    seen: Seen
    hints: tuple[Hint, ...]
    utilisation: float | None
    memory: float | None

    @property
    def key(self) -> str:
        return key_of(self.job, self.instance)

    @property
    def alive(self) -> bool:
        """Whether it told anything of its requests in the last minutes."""
        return self.now("running") is not None or self.now("waiting") is not None

    def now(self, signal: str) -> float | None:
        """The figure of now; None where there is none."""
        line = self.seen.lines.get(signal)
        return None if line is None else _newest(line)

    @property
    def where(self) -> str:
        """Matchers on its own series."""
        return f'{{job="{_escaped(self.job)}",instance="{_escaped(self.instance)}"}}'

    @property
    def cards_where(self) -> str:
        """Matchers on the series of its cards; empty where it has none."""
        if not self.cards:
            return ""
        return f'{{host="{_escaped(self.place.host)}",gpu=~"{"|".join(self.cards)}"}}'


def key_of(job: str, instance: str) -> str:
    """A short name for addresses."""
    return hashlib.blake2b(f"{job}\0{instance}".encode(), digest_size=6).hexdigest()


def engines(
    project_id: int, names: AbstractSet[str], at: dt.datetime, *, own_hosts: Sequence[str] = ()
) -> list[Engine]:
    """Every instance heard of in the last hour, with what its last hours hint at; raises ``query.Failed``.

    ``names``: of the project's series. ``own_hosts``: where this Vigil polls cards itself.
    """
    end = _round(at)
    known = _known(project_id, names, end)
    if not known:
        return []
    times, cards = _lines(project_id, CARD_SIGNALS, end, BACK, STEP, ("host", "gpu"))
    exprs = {one: expr for one in LISTED if (expr := signals.expression(one, names, WINDOW))}
    lines = _lines(project_id, exprs, end, BACK, STEP, ("job", "instance"))[1]
    hits = {"hits": exprs["hits"]} if "hits" in exprs else {}
    hit_times, day = _lines(project_id, hits, end, DAY, HIT_STEP, ("job", "instance"))
    hosts = sorted({host for line in cards.values() for host, _ in line if host})
    found = []
    for key, (labels, models, engine) in sorted(known.items())[:MOST]:
        place = place_of(labels, hosts, own_hosts)
        mine = _cards(cards, place)
        told = {name: by[key] for name, by in lines.items() if key in by}
        seen = Seen(
            times,
            told | _folded(cards, place.host, mine),
            hit_times,
            day.get("hits", {}).get(key, np.empty(0)),
        )
        found.append(Engine(
            *key, engine, models, labels, place, mine, seen, tuple(hints.look(seen)),
            _mean_now(cards["utilisation"], place.host, mine), _mean_now(cards["memory"], place.host, mine),
        ))  # fmt: skip
    return found


@dataclass(frozen=True, slots=True)
class Placed:
    """An instance and where it runs, without its figures."""

    job: str
    instance: str
    models: tuple[str, ...]
    place: Place


def placed(
    project_id: int, names: AbstractSet[str], at: dt.datetime, *, own_hosts: Sequence[str] = ()
) -> tuple[list[Placed], list[str]]:
    """(every instance heard of in the last hour, every host with cards); raises ``query.Failed``."""
    expr = "group by (host) (gpu_utilization_ratio or gpu_memory_used_bytes or gpu_temperature_celsius)"
    told = query.instant(project_id, expr, at, limits=LIMITS).labels
    hosts = sorted({host for one in told if (host := one.get("host", ""))})
    return [
        Placed(job, instance, models, place_of(labels, hosts, own_hosts))
        for (job, instance), (labels, models, _engine) in sorted(_known(project_id, names, at).items())
    ], hosts


def _known(
    project_id: int, names: AbstractSet[str], end: dt.datetime
) -> dict[Key, tuple[dict[str, str], tuple[str, ...], str]]:
    """By job and instance: all labels, the models, the engine."""
    expr = signals.who(names)
    if expr is None:
        return {}
    found: dict[Key, tuple[dict[str, str], dict[str, None], str]] = {}
    for labels, _times, _values in query.instant(project_id, expr, end, limits=LIMITS).points():
        key = (labels.get("job", ""), labels.get("instance", ""))
        held = found.setdefault(key, ({}, {}, signals.engine_of(labels.get(NAME, ""))))
        held[0].update({name: value for name, value in labels.items() if name != NAME})
        held[1].update(dict.fromkeys(labels[one] for one in MODELS if labels.get(one)))
    return {key: (labels, tuple(models), engine) for key, (labels, models, engine) in found.items()}


def _lines(
    project_id: int, exprs: Mapping[str, str], end: dt.datetime, back: dt.timedelta, step: dt.timedelta, by: Key
) -> tuple[Floats, dict[str, dict[Key, Floats]]]:  # fmt: skip
    """(times in seconds, for each signal its lines by two labels); NaN where nothing is known."""
    start = end - back
    times: Floats = start.timestamp() + step.total_seconds() * np.arange(back // step + 1, dtype=np.float64)
    found: dict[str, dict[Key, Floats]] = {}
    for name, expr in exprs.items():
        result = query.range(project_id, expr, start, end, step, limits=LIMITS)
        found[name] = dict(_rows(result.labels, np.where(result.floats, result.values, np.nan), by))
    return times, found


def _rows(labels: Sequence[Labels], values: Floats, by: Key) -> Iterable[tuple[Key, Floats]]:
    for row, one in enumerate(labels):
        yield (one.get(by[0], ""), one.get(by[1], "")), values[row]


def _cards(cards: Mapping[str, Mapping[Key, Floats]], place: Place) -> tuple[str, ...]:
    """The cards of the host that told anything; only those named by the engine where it names some."""
    told = {gpu for line in cards.values() for host, gpu in line if host == place.host}
    # a source that knows no numbers (Triton) tells of the same cards
    told = told - {""} or told
    mine = told & place.cards if place.cards else told
    return tuple(sorted(mine, key=lambda gpu: (gpu.zfill(4), gpu))) if place.host else ()


def _folded(cards: Mapping[str, Mapping[Key, Floats]], host: str, mine: Sequence[str]) -> dict[str, Floats]:
    """The mean utilisation of the cards, that of the busiest, and whether one of them is slowed down."""
    found = {}
    for name, source, fold in (
        ("gpu", "utilisation", np.nanmean), ("busiest", "utilisation", np.nanmax), ("throttled", "throttled", np.nanmax),
    ):  # fmt: skip
        lines = [cards[source][host, gpu] for gpu in mine if (host, gpu) in cards[source]]
        if lines:
            whole = np.array(lines)
            told = np.isfinite(whole).any(axis=0)
            folded = np.full(whole.shape[1], np.nan)
            folded[told] = fold(whole[:, told], axis=0)
            found[name] = folded
    return found


def _mean_now(lines: Mapping[Key, Floats], host: str, mine: Sequence[str]) -> float | None:
    told = [
        value for gpu in mine if (host, gpu) in lines and (value := _newest(lines[host, gpu])) is not None
    ]
    return sum(told) / len(told) if told else None


def _newest(line: Floats) -> float | None:
    known = line[-FRESH:][np.isfinite(line[-FRESH:])]
    return float(known[-1]) if known.size else None


def _round(at: dt.datetime) -> dt.datetime:
    """On a grid of minutes, so that two looks within one ask the same."""
    return at.replace(second=0, microsecond=0)


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

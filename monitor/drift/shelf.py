"""Hours of a model as sums: read from what is kept, or added up once from its calls and then kept."""

import datetime as dt
import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np

from monitor.core import clock
from monitor.core.stats import Floats, Ints
from monitor.drift import bodies
from monitor.drift.bodies import HOUR_MS, TICKS, Body, Marks, Volumes
from monitor.drift.channels import Window
from monitor.drift.engine import packing, vectors
from monitor.drift.engine.matching import HOUR
from monitor.drift.engine.vectors import Clusters, VectorHours
from monitor.drift.models import DriftSketch
from monitor.drift.stages import Reference
from monitor.store.calls import details, embeddings, generations, marks

# an hour that ended so long ago is closed: later calls are stored, but change no sum
SEALED = {"calls": 600, "volumes": 600, "marks": 3600, "vectors": 1800}
HOURS_AT_ONCE = 24
RECENT_HOURS = 9
CALLS_AT_ONCE = 50_000
# vectors of an hour beyond these change no mean that anyone could see
VECTORS_PER_HOUR = 2_000
VECTORS_TO_LEARN = 20_000
# of a busy hour the attributes of about so many calls are read
DETAILS_PER_HOUR = 1_000
FORGOTTEN = "forgotten"
# marks on calls that were chosen for being doubtful stand under names that end so: their mean says nothing
CHOSEN = "-targeted"
# fewer marks in an hour are somebody trying something
HEARD = 10


@dataclass(frozen=True, slots=True)
class Sorted:
    """What the vectors of ``text`` (prompt or output) by one embedder are sorted by."""

    text: str
    embedder: str
    clusters: Clusters

    @property
    def part(self) -> str:
        return f"vectors {packing.name_of(self.clusters)}"


T = TypeVar("T")


@dataclass(slots=True)
class _Part(Generic[T]):
    """One kind of sums: how it is read from what is kept, how it is made, and by version and hour what is known."""

    name: str
    decode: Callable[[bytes], T]
    add_up: Callable[[str, int, int], dict[int, T]]
    known: dict[tuple[str, int], T] = field(default_factory=dict)


class Shelf:
    """The hours of one model of one project, as known at ``now``. Lives for one run."""

    def __init__(self, project_id: int, model: str, now: dt.datetime) -> None:
        self.project_id = project_id
        self.model = model
        self.now = now
        self._calls: _Part[Body] = _Part("calls", bodies.decode_body, self._add_up)
        self._volumes = _Part("volumes", bodies.decode_volumes, self._add_volumes)
        self._scores = _Part("marks", bodies.decode_marks, self._add_marks)
        self._clusters: dict[tuple[Reference, str], Sorted | None] = {}

    @functools.cached_property
    def epoch(self) -> bytes:
        """When hours were last let be added up anew: what was learned before may be of other sums."""
        rows = DriftSketch.objects.filter(project_id=self.project_id, part=FORGOTTEN, hour=0)
        return bytes(rows.values_list("body", flat=True).first() or b"")

    def window(
        self,
        version: str,
        first: int,
        end: int,
        *,
        part: str,
        load_of: Iterable[str] = (),
        clusters: "Sorted | None" = None,
    ) -> Window:
        """The hours [first, end) of a version; ``load_of``: the versions whose calls make the load."""
        hours = np.arange(first, end, dtype=np.int64)
        calls = self._range(self._calls, version, first, end) if part == "calls" else []
        scores = self._range(self._scores, version, first, end) if part == "scores" else []
        load = np.zeros(hours.size * TICKS)
        for one in load_of:
            kept = self._range(self._volumes, one, first, end)
            rates = [volumes.rates.get("calls", [0] * TICKS) for volumes in kept]
            load += np.array(rates, dtype=np.float64).reshape(-1)
        found = self._vectors(version, hours, clusters) if clusters is not None else None
        return Window(hours, calls, scores, load, found)

    def ticks(self, versions: Iterable[str], first: int, end: int, name: str) -> Floats:
        """A rate of these versions together by 5 minutes of the hours [first, end); NaN where it was not kept."""
        total = np.zeros((end - first) * TICKS)
        for one in versions:
            kept = self._range(self._volumes, one, first, end)
            none = [0] * TICKS
            rows = [each.rates.get(name, none if not each.calls else [np.nan] * TICKS) for each in kept]
            total += np.array(rows, dtype=np.float64).reshape(-1)
        return total

    def clusters(self, reference: Reference, text: str) -> "Sorted | None":
        """What the vectors of a reference's prompts or outputs are sorted by; None without vectors."""
        key = (reference, text)
        if key not in self._clusters:
            embedder = embeddings.commonest_embedder(
                self.project_id, self.model, reference.version, kind=text,
                span=_span(reference.first, reference.end),
            )  # fmt: skip
            found = self._kept_clusters(reference, text, embedder) if embedder else None
            self._clusters[key] = Sorted(text, embedder, found) if found is not None else None
        return self._clusters[key]

    def _range(self, part: "_Part[T]", version: str, first: int, end: int) -> list[T]:
        """The sums of the hours [first, end): known, kept, or made now and kept."""
        known = part.known
        missing = [one for one in range(first, end) if (version, one) not in known]
        if missing:
            for hour, stored in self._kept(version, part.name, missing[0], missing[-1] + 1):
                known[version, hour] = part.decode(stored)
            for start, stop in _runs([one for one in missing if (version, one) not in known]):
                found = part.add_up(version, start, stop)
                known.update({(version, hour): one for hour, one in found.items()})
                self._keep(version, part.name, {hour: bodies.encode(one) for hour, one in found.items()})
        return [known[version, one] for one in range(first, end)]

    def _add_up(self, version: str, first: int, end: int) -> dict[int, Body]:
        parts: dict[int, list[Body]] = {hour: [] for hour in range(first, end)}
        for calls in self._pieces(version, first, end):
            for hour, body in bodies.hours_of(calls, first, end).items():
                if body.calls:
                    parts[hour].append(body)
        found = {hour: bodies.merged(each or [Body()]) for hour, each in parts.items()}
        self._add_details(version, found)
        return found

    def _pieces(self, version: str, first: int, end: int) -> Iterator[bodies.Columns]:
        """The calls of the hours, so many at once that a busy hour takes no more room than a quiet one."""
        start, stop = _span(first, end)
        last = clock.to_ms(stop) - 1
        while True:
            read = generations.columns(
                self.project_id, start, clock.from_ms(last), bodies.COLUMNS, model=self.model, version=version,
                limit=CALLS_AT_ONCE,
            )  # fmt: skip
            at = read["started_at"]
            if at.size < CALLS_AT_ONCE:
                yield read
                return
            # calls of the oldest moment may not all be here: they come with the next piece
            edge = int(at[0]) if at[0] < at[-1] else int(at[0]) - 1
            yield {name: values[at > edge] for name, values in read.items()}
            last = edge

    def _add_details(self, version: str, found: dict[int, Body]) -> None:
        """What only a sample of the calls is asked for, as many of a busy hour as of a quiet one.

        Which calls of an hour are read depends on that hour alone, or a replay would see others than live.
        """
        strides = {hour: -(-body.calls // DETAILS_PER_HOUR) for hour, body in found.items() if body.calls}
        for stride in sorted(set(strides.values())):
            for first, end in _runs([hour for hour in sorted(strides) if strides[hour] == stride]):
                read = details.columns(
                    self.project_id, *_span(first, end), model=self.model, version=version, stride=stride
                )
                edges = np.searchsorted(read.at // HOUR_MS, np.arange(first, end + 1))
                for hour, (low, high) in zip(range(first, end), itertools.pairwise(edges), strict=True):
                    chosen = bodies.Details(read.scores[low:high], read.attributes[low:high])
                    bodies.add_details(found[hour], chosen)

    def _add_volumes(self, version: str, first: int, end: int) -> dict[int, Volumes]:
        known = self._calls.known
        before = {hour for hour in range(first, end) if (version, hour) in known}
        found = self._range(self._calls, version, first, end)
        # weeks are looked at this way, and nobody else asked for them
        for hour in range(first, min(end, self._recent)):
            if hour not in before:
                del known[version, hour]
        return {hour: Volumes.of(body) for hour, body in zip(range(first, end), found, strict=True)}

    def rest(self) -> None:
        """Let go of all but the last hours, which the next version's signals ask for, too."""
        for key in [key for key in self._calls.known if key[1] < self._recent]:
            del self._calls.known[key]

    @property
    def _recent(self) -> int:
        return int(self.now.timestamp()) // HOUR - RECENT_HOURS

    def _add_marks(self, version: str, first: int, end: int) -> dict[int, Marks]:
        read = marks.by_hour(
            self.project_id, *_span(first, end), model=self.model, version=version, source="judge"
        )
        fair = {
            hour: {name: sums for name, sums in names.items() if not name.partition(" #")[0].endswith(CHOSEN)}
            for hour, names in read.items()
        }
        return {hour: Marks(fair.get(hour, {})) for hour in range(first, end)}

    def judged_since(self, firsts: Mapping[str, int], end: int) -> list[int]:
        """The hours before ``end`` in which a judge, or a new epoch of one, was first heard of for the model."""
        found: dict[str, int] = {}
        for version, first in firsts.items():
            for hour, marks_ in zip(
                range(first, end), self._range(self._scores, version, first, end), strict=True
            ):
                for name, sums in marks_.names.items():
                    if sums[0] >= HEARD and hour < found.get(name, end):
                        found[name] = hour
        return sorted(set(found.values()))

    def _kept(self, version: str, part: str, first: int, end: int) -> list[tuple[int, bytes]]:
        rows = DriftSketch.objects.filter(
            project_id=self.project_id, model=self.model, version=version, part=part, hour__gte=first,
            hour__lt=end,
        )  # fmt: skip
        return [(hour, bytes(body)) for hour, body in rows.values_list("hour", "body")]

    def _keep(self, version: str, part: str, found: dict[int, bytes]) -> None:
        """Write down the hours that are closed."""
        closed = self.now.timestamp() - SEALED[part.split(maxsplit=1)[0]]
        DriftSketch.objects.bulk_create(
            [
                DriftSketch(
                    project_id=self.project_id, model=self.model, version=version, part=part, hour=hour,
                    body=body,
                )
                for hour, body in found.items()
                if (hour + 1) * HOUR <= closed
            ],
            ignore_conflicts=True,
        )  # fmt: skip

    def _kept_clusters(self, reference: Reference, text: str, embedder: str) -> Clusters | None:
        part = f"clusters {text} {embedder} {reference.end - reference.first}"
        for _, stored in self._kept(reference.version, part, reference.first, reference.first + 1):
            return packing.decode_clusters(stored)
        sample = embeddings.sampled(
            self.project_id, self.model, reference.version, kind=text, embedder=embedder,
            span=_span(reference.first, reference.end), limit=VECTORS_TO_LEARN,
        )  # fmt: skip
        if sample.at.size < vectors.LEAST_VECTORS:
            return None
        found = vectors.find_clusters(vectors.project(sample.vectors))
        DriftSketch.objects.bulk_create(
            [
                DriftSketch(
                    project_id=self.project_id, model=self.model, version=reference.version, part=part,
                    hour=reference.first, body=packing.encode_clusters(found),
                )
            ],
            ignore_conflicts=True,
        )  # fmt: skip
        return found

    def _vectors(self, version: str, hours: Ints, by: "Sorted") -> VectorHours:
        """The sums of each hour by cluster; the sums of closed hours are kept."""
        known = {
            hour: packing.decode_hour(stored, by.clusters)
            for hour, stored in self._kept(version, by.part, int(hours[0]), int(hours[-1]) + 1)
        }
        for start, stop in _runs([one for one in hours.tolist() if one not in known]):
            known.update(self._sum_vectors(version, start, stop, by))
        return VectorHours.joined([known[one] for one in hours.tolist()])

    def _sum_vectors(self, version: str, first: int, end: int, by: "Sorted") -> dict[int, VectorHours]:
        """Each hour by itself: a busy one takes no room from the next."""
        found = {}
        for hour in range(first, end):
            read = embeddings.sampled(
                self.project_id, self.model, version, kind=by.text, embedder=by.embedder,
                span=_span(hour, hour + 1), limit=VECTORS_PER_HOUR,
            )  # fmt: skip
            found[hour] = by.clusters.hour(hour, vectors.project(read.vectors))
        self._keep(version, by.part, {one: packing.encode_hour(sums) for one, sums in found.items()})
        return found


def forget(project_id: int, first: int, end: int, *, now: dt.datetime) -> None:
    """Let the hours [first, end) be added up anew: calls came in after they had been closed."""
    DriftSketch.objects.filter(project_id=project_id, hour__gte=first, hour__lt=end).delete()
    DriftSketch.objects.update_or_create(
        project_id=project_id, model="", version="", part=FORGOTTEN, hour=0,
        defaults={"body": now.isoformat().encode()},
    )  # fmt: skip


def _span(first: int, end: int) -> tuple[dt.datetime, dt.datetime]:
    return clock.from_ms(first * HOUR_MS), clock.from_ms(end * HOUR_MS)


def _runs(hours: list[int]) -> list[tuple[int, int]]:
    """Consecutive hours as half-open runs, none longer than a day."""
    found: list[tuple[int, int]] = []
    for hour in hours:
        if found and found[-1][1] == hour and hour - found[-1][0] < HOURS_AT_ONCE:
            found[-1] = (found[-1][0], hour + 1)
        else:
            found.append((hour, hour + 1))
    return found

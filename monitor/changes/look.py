"""Reads the calls around an alert, asks which slices changed, and says it in names that people know."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from monitor.changes import naming, search, windows
from monitor.changes.clusters import LEAST, clusters
from monitor.changes.findings import Deployment, Findings, Slice, Verdict
from monitor.changes.measures import Measure
from monitor.changes.search import Found, Result
from monitor.changes.tables import Bools, Dimension, Floats, Ints, Table, dimension, mask_of
from monitor.changes.windows import Span, Windows
from monitor.store.calls import generations, slices
from monitor.store.calls.slices import Columns, Wanted

MOST_CALLS = 1_000_000
LEAST_BAD, LEAST_BASELINE = 20, 60
LEAST_STRETCHES = 3
# hosts, cards and meanings are looked up for so many calls of each side
SAMPLE = 3000
HOSTS = ("host.name", "host", "server.address", "k8s.node.name", "node")
CARDS = ("gpu", "gpu.uuid", "gpu.id", "gpu.index")
EXAMPLES = 3
NEAR = dt.timedelta(hours=2)
MOST_VERSIONS = 20
OUTLIERS = 0.1


@dataclass(frozen=True, slots=True)
class Asked:
    """The alert: what it measures, since when its expression is true, and when it fired."""

    project_id: int
    measure: Measure
    active_at: dt.datetime
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class _Read:
    """The calls of all stretches. ``values``: as they are compared; ``raw``: as people know them."""

    columns: Columns
    table: Table
    values: Floats
    raw: Floats
    seconds: Floats
    names: tuple[dict[int, str], ...]

    def taken(self, kept: Ints, more: Sequence[tuple[Dimension, dict[int, str]]]) -> "_Read":
        """Some of the calls with further dimensions; what a stretch lasts shrinks as its calls do."""
        table = self.table.taken(kept)
        seconds = self.seconds * table.sizes / np.maximum(self.table.sizes, 1.0)
        dimensions = (*table.dimensions, *(one for one, _ in more))
        names = (*self.names, *(said for _, said in more))
        return _Read(
            self.columns, Table(dimensions, table.blocks, table.stretches), self.values[kept], self.raw[kept],
            np.maximum(seconds, 1e-9), names,
        )  # fmt: skip


def look(asked: Asked) -> Findings:
    """What changed; in a project with few calls the answer may be that there are too few."""
    wanted = _wanted(asked)
    times = _bounded(wanted, windows.windows_of(asked.active_at, asked.at, _width(asked)))
    read = _read(asked, wanted, times)
    said = Findings(
        "few", asked.measure.kind, asked.measure.name, times.bad[0].isoformat(), times.bad[1].isoformat()
    )
    if read is None:
        return said
    bad = int(read.table.bad.sum())
    said = replace(said, calls=bad, baseline=len(read.table) - bad)
    if bad < LEAST_BAD or said.baseline < LEAST_BASELINE:
        return said
    found = _searched(asked, read)
    tried, told = found.tried, [_told(asked, read, one, found.change) for one in found.found]
    rich = _enriched(asked, read)
    if rich is not None:
        places, richer = rich
        more = _searched(asked, richer)
        mine = [one for one in more.found if any(place >= len(read.names) for place, _ in one.parts)]
        tried += more.tried
        told += [_told(asked, richer, one, more.change, places) for one in mine]
    told.sort(key=lambda pair: -pair[0])
    chosen = tuple(one for _, one in told[: search.MOST])
    verdict: Verdict = "found" if chosen else "nothing"
    return replace(
        said, verdict=verdict, tried=tried, slices=chosen, deployments=_deployments(asked, read, times)
    )


def _wanted(asked: Asked) -> Wanted:
    one = asked.measure
    return Wanted(asked.project_id, one.column, one.calls, one.chosen, one.score)


def _width(asked: Asked) -> dt.timedelta:
    return dt.timedelta(milliseconds=asked.measure.width_ms)


def _bounded(wanted: Wanted, times: Windows) -> Windows:
    """Where there are more calls than can be read in time: the newest of the bad window, and fewer stretches."""
    start, end = times.bad
    calls = slices.count(wanted, times.bad)
    most = MOST_CALLS // (LEAST_STRETCHES + 1)
    if calls > most:
        length = (end - start) * (most / calls)
        gap = start - times.stretches[-1][1]
        first = [
            (start - gap - (place + 1) * length, start - gap - place * length)
            for place in range(windows.STRETCHES)
        ]
        times, calls = Windows((end - length, end), tuple(reversed(first))), most
    kept = max(LEAST_STRETCHES, min(windows.STRETCHES, MOST_CALLS // max(calls, 1) - 1))
    return Windows(times.bad, times.stretches[-kept:])


def _read(asked: Asked, wanted: Wanted, times: Windows) -> _Read | None:
    """The calls of the baseline's stretches and of the bad window."""
    if asked.measure.kind == "calls":
        daily = _known(wanted, windows.same_hours(times).stretches)
        if len(daily) >= LEAST_STRETCHES:
            times = Windows(times.bad, daily)
    spans = [*times.stretches, times.bad]
    parts = [slices.read(wanted, span) for span in spans]
    columns = _joined(parts)
    if not len(columns):
        return None
    blocks = np.repeat(np.arange(len(parts), dtype=np.int32), [len(one) for one in parts])
    dimensions = [
        dimension(name, columns.keys[name], missing=None if name == "version" else slices.NOTHING)
        for name in slices.DIMENSIONS
    ]
    table = Table(tuple(dimensions), blocks, len(parts) - 1)
    values = _compared(asked, columns.values)
    return _Read(columns, table, values, columns.values, np.array(times.seconds), ({},) * len(dimensions))


def _known(wanted: Wanted, stretches: Sequence[Span]) -> tuple[Span, ...]:
    """The stretches from the first one on that has calls."""
    counts = [slices.count(wanted, span) for span in stretches]
    first = next((place for place, count in enumerate(counts) if count), len(counts))
    return tuple(stretches[first:])


def _joined(parts: Sequence[Columns]) -> Columns:
    return Columns(
        high=np.concatenate([one.high for one in parts]),
        low=np.concatenate([one.low for one in parts]),
        values=np.concatenate([one.values for one in parts]),
        keys={name: np.concatenate([one.keys[name] for one in parts]) for name in slices.DIMENSIONS},
    )


def _compared(asked: Asked, raw: Floats) -> Floats:
    """Sizes by their ratios, and without the wildest: one call must not speak for its slice."""
    if asked.measure.kind != "size":
        return raw
    logs = np.log(np.maximum(raw, 1e-9))
    low, high = np.percentile(logs, [OUTLIERS, 100 - OUTLIERS])
    return np.clip(logs, low, high)


def _searched(asked: Asked, read: _Read) -> Result:
    if asked.measure.kind == "calls":
        return search.of_counts(read.table, read.seconds, direction=asked.measure.direction)
    return search.of_means(read.table, read.values, direction=asked.measure.direction)


def _enriched(asked: Asked, read: _Read) -> tuple[Ints, _Read] | None:
    """A sample of the calls with what only their texts and vectors tell; None where they tell nothing."""
    bad = np.flatnonzero(read.table.bad)
    calm = np.flatnonzero(~read.table.bad)
    rng = np.random.default_rng(0)
    chosen = [one if one.size <= SAMPLE else rng.choice(one, SAMPLE, replace=False) for one in (calm, bad)]
    places = np.sort(np.concatenate(chosen))
    calls = [read.columns.identity(place) for place in places.tolist()]
    more = []
    for name, attributes in (("host", HOSTS), ("gpu", CARDS)):
        told = slices.attributes(asked.project_id, calls, attributes)
        if told:
            more.append(naming.of_texts(name, [told.get(one, "") for one in calls]))
    with_vector, vectors = slices.vectors(asked.project_id, calls)
    if len(with_vector) >= LEAST:
        mine = dict(zip(with_vector, clusters(vectors).tolist(), strict=True))
        more.append(naming.of_texts("embedding_cluster", [str(mine.get(one, "")) for one in calls]))
    return (places, read.taken(places, more)) if more else None


def _told(
    asked: Asked, read: _Read, found: Found, change: float, places: Ints | None = None
) -> tuple[float, Slice]:
    """A finding in words and figures, and how much it explains. ``places``: where a sample's calls stand."""
    mask = mask_of(read.table, found.parts)
    bad = read.table.bad
    way = asked.measure.direction or (1 if change >= 0 else -1)
    shown = _examples(asked, read, mask, way)
    identities = [read.columns.identity(int(place if places is None else places[place])) for place in shown]
    said = Slice(
        parts=tuple(_part(asked, read, place, code, mask, places) for place, code in found.parts),
        share=found.share, z=round(found.z, 2), mixed=found.mixed, calls=int((mask & bad).sum()),
        before=_level(asked, read, mask & ~bad, read.seconds[:-1].sum()),
        now=_level(asked, read, mask & bad, read.seconds[-1]),
        examples=tuple(str(one) for one in identities),
    )  # fmt: skip
    return found.gain, said


def _examples(asked: Asked, read: _Read, mask: Bools, way: int) -> list[int]:
    """Calls of the slice that show the change most; of those that no longer come, some that came before."""
    mine = np.flatnonzero(mask & read.table.bad)
    if asked.measure.kind == "calls" or not mine.size:
        mine = mine if way > 0 and mine.size else np.flatnonzero(mask)
        return [int(one) for one in mine[-EXAMPLES:]]
    worst = np.argsort(-way * read.values[mine], kind="stable")[:EXAMPLES]
    return [int(one) for one in mine[worst]]


def _level(asked: Asked, read: _Read, mask: Bools, seconds: float) -> float | None:
    if asked.measure.kind == "calls":
        return float(mask.sum() / seconds * 60)
    if not mask.any():
        return None
    raw = read.raw[mask]
    return float(np.median(raw) if asked.measure.kind == "size" else raw.mean())


def _part(
    asked: Asked, read: _Read, place: int, code: int, mask: Bools, places: Ints | None
) -> tuple[str, str]:
    """Dimension and value by name: a hash stands for what a call that has it says."""
    one = read.table.dimensions[place]
    if read.names[place]:
        return one.name, read.names[place][code]
    key = int(one.values[code])
    if one.name not in slices.TEXTS:
        return one.name, naming.of_number(one.name, key)
    row = int(np.flatnonzero(mask)[0])
    call = read.columns.identity(row if places is None else int(places[row]))
    return one.name, slices.texts(asked.project_id, one.name, [call]).get(call, "")


def _deployments(asked: Asked, read: _Read, times: Windows) -> tuple[Deployment, ...]:
    """The versions in the bad window whose first call lies near its beginning."""
    bad = np.flatnonzero(read.table.bad)
    pairs = np.stack([read.columns.keys["model"][bad], read.columns.keys["version"][bad]], axis=1)
    _, firsts, counts = np.unique(pairs, axis=0, return_index=True, return_counts=True)
    chosen = firsts[np.argsort(-counts)][:MOST_VERSIONS]
    calls = [read.columns.identity(int(bad[place])) for place in chosen.tolist()]
    models = slices.texts(asked.project_id, "model", calls)
    versions = slices.texts(asked.project_id, "version", calls)
    found = []
    for call in calls:
        model, version = models.get(call, ""), versions.get(call, "")
        first = generations.first_of(asked.project_id, model, version)
        near = first is not None and times.bad[0] - NEAR <= first <= times.bad[1]
        # the version with which everything began was no change
        if first is not None and near and slices.any_before(asked.project_id, first):
            found.append(Deployment(model, version, first.isoformat()))
    return tuple(sorted(found, key=lambda one: one.first_at))

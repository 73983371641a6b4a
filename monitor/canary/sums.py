"""Five minutes of both versions as sums: all that gates need, additive, small enough to keep and to hand on. Pure.

Texts and users are not in it. Sums are rounded before anybody judges them, so that what is kept or exported
gives the same verdict as what was counted.
"""

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from monitor.canary.buckets import SCHEMA, USER_GROUPS
from monitor.core.histograms import bucket_index
from monitor.core.stats import Floats, Ints

STABLE, CANARY = 0, 1
DIGITS = 6
# values of a dimension beyond these are counted as one
MOST_STRATA = 8
REST = "\u2026"
JUDGE = "judge"
LOGARITHMIC = ("duration", "ttft", "speed", "cost")
# the least of a number that may be nothing, for its logarithm: a millionth of a dollar
LEAST = {"cost": 1e-6}
# rules mark from 0 to 5: what they mark lower is broken
KEPT_FROM = 2.5
# numbers whose quantiles are compared
WITH_TAILS = frozenset({"duration", "ttft"})
FINE_IN_COARSE = 4
MIXES = ("route", "topic", "language", "tenant", "template", "environment")

Columns = Mapping[str, Any]


class Number(msgspec.Struct, array_like=True):
    """A number of one arm: user groups as (group, n, sum), the sum of squares, histogram bins as (bin, n).

    ``tails``: a coarser histogram of each user group, as group, bin, n in one row.
    """

    groups: list[tuple[int, int, float]]
    squares: float
    bins: list[tuple[int, int]]
    tails: list[int] = []


class Flag(msgspec.Struct, array_like=True):
    """Of how many calls it was asked, of how many it is true; and both by user group, as group, asked, events."""

    asked: int
    events: int
    users: list[int] = []


class Part(msgspec.Struct):
    """One arm in one stratum."""

    arm: int
    stratum: str
    calls: int
    flags: dict[str, Flag] = {}
    numbers: dict[str, Number] = {}


class Body(msgspec.Struct):
    """One bucket. ``others``: calls of further versions. ``mix``: calls by dimension, arm and value.

    ``asked``: what series said at its end, by gate: -1 it fails, 1 it is well, 0 neither. ``told``: a difference of
    the new version to stable, as series have it at its end, and its variance, by gate.
    """

    parts: list[Part] = []
    others: int = 0
    mix: dict[str, tuple[dict[str, int], dict[str, int]]] = {}
    asked: dict[str, int] = {}
    told: dict[str, tuple[float, float]] = {}

    def calls(self, arm: int) -> int:
        return sum(part.calls for part in self.parts if part.arm == arm)


_encoder, _decoder = msgspec.json.Encoder(), msgspec.json.Decoder(Body)


def pack(body: Body) -> bytes:
    return zlib.compress(_encoder.encode(body), 6)


def unpack(stored: bytes) -> Body:
    return _decoder.decode(zlib.decompress(stored))


@dataclass(frozen=True, slots=True)
class Arm:
    """The calls of one version and the marks on them, as columns.

    Calls: bucket, group, stratum, error, grounding, finish, duration, ttft, speed, cost and the dimensions of
    ``MIXES``. Marks: bucket, group, stratum, name, source, value.
    """

    calls: Columns
    marks: Columns


def bodies(stable: Arm, canary: Arm, first: int, end: int, wanted: "Wanted") -> dict[int, Body]:
    """The sums of every bucket in [first, end)."""
    found = {bucket: Body() for bucket in range(first, end)}
    for number, arm in enumerate((stable, canary)):
        for bucket, part in _parts(number, arm, wanted):
            if bucket in found:
                found[bucket].parts.append(part)
    for bucket, dimension, counts in _mixes((stable, canary)):
        if bucket in found:
            found[bucket].mix[dimension] = counts
    return found


def remark(kept: Mapping[int, Body], marks: tuple[Columns, Columns], wanted: "Wanted") -> None:
    """Marks that came after the calls were counted, into the sums of their buckets."""
    for number, each in enumerate(marks):
        columns = _with_strata(each, wanted.strata)
        for bucket, stratum, chosen in _groups(columns):
            parts = kept[bucket].parts if bucket in kept else []
            for part in parts:
                if (part.arm, part.stratum) == (number, stratum):
                    _mark(part, columns, chosen, wanted)


def marks_in(body: Body) -> int:
    """How many marks were counted."""
    return sum(
        sum(n for _, n, _ in number.groups)
        for part in body.parts for name, number in part.numbers.items() if name.startswith(JUDGE)
    ) + sum(
        flag.asked for part in body.parts for name, flag in part.flags.items() if name.startswith("rule ")
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the gates of a release look at beyond the usual: finish reasons, names of rules; and its strata.

    Calls of further strata are one stratum of their own.
    """

    finish: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    strata: frozenset[str] = frozenset()


def _parts(number: int, arm: Arm, wanted: Wanted) -> Iterator[tuple[int, Part]]:
    calls = _with_strata(arm.calls, wanted.strata)
    marks = _with_strata(arm.marks, wanted.strata)
    of_marks = {(bucket, stratum): chosen for bucket, stratum, chosen in _groups(marks)}
    for bucket, stratum, chosen in _groups(calls):
        part = Part(number, stratum, int(chosen.size))
        _count(part, calls, chosen, wanted)
        mine = of_marks.pop((bucket, stratum), None)
        if mine is not None:
            _mark(part, marks, mine, wanted)
        yield bucket, part


def _with_strata(columns: Columns, kept: frozenset[str]) -> dict[str, Any]:
    strata = np.asarray(columns["stratum"], dtype=object)
    short = np.array([one if one in kept else REST for one in strata], dtype=object)
    return {**columns, "stratum": short}


def _groups(columns: Columns) -> Iterator[tuple[int, str, Ints]]:
    """The rows of each (bucket, stratum)."""
    buckets = np.asarray(columns["bucket"], dtype=np.int64)
    if not buckets.size:
        return
    names, codes = np.unique(np.asarray(columns["stratum"], dtype=str), return_inverse=True)
    codes = codes.reshape(-1)
    keys = buckets * names.size + codes
    order = np.argsort(keys, kind="stable")
    edges = np.flatnonzero(np.diff(keys[order])) + 1
    for rows in np.split(order, edges):
        first = int(rows[0])
        yield int(buckets[first]), str(names[codes[first]]), rows.astype(np.int64)


def _count(part: Part, calls: Columns, chosen: Ints, wanted: Wanted) -> None:
    groups = np.asarray(calls["group"])[chosen]
    failed = np.asarray(calls["error"])[chosen]
    part.flags["error"] = _flag(failed > 0, groups)
    grounding = np.asarray(calls["grounding"])[chosen]
    used = grounding != ""
    if used.any():
        ignored = (grounding == "unused") | (grounding == "empty")
        part.flags["ungrounded"] = _flag(ignored[used], groups[used])
    finish = np.asarray(calls["finish"])[chosen]
    for name in wanted.finish:
        part.flags[f"finish {name}"] = _flag(finish == name, groups)
    for name in LOGARITHMIC:
        values = np.asarray(calls[name], dtype=np.float64)[chosen]
        if name in LEAST:
            values = np.where(values >= 0, np.maximum(values, LEAST[name]), values)
        known = np.isfinite(values) & (values > 0) & (failed == 0)
        if known.any():
            raw = values[known] if name in WITH_TAILS else None
            part.numbers[name] = _number(np.log(values[known]), groups[known], raw)


def _mark(part: Part, marks: Columns, chosen: Ints, wanted: Wanted) -> None:
    names, sources = np.asarray(marks["name"])[chosen], np.asarray(marks["source"])[chosen]
    values = np.asarray(marks["value"], dtype=np.float64)[chosen]
    groups = np.asarray(marks["group"])[chosen]
    part.numbers.pop(JUDGE, None)
    for name in np.unique(names[sources == "judge"].astype(str)).tolist():
        mine = (sources == "judge") & (names == name)
        part.numbers[f"{JUDGE} {name}"] = _number(values[mine], groups[mine], None)
    for name in wanted.rules:
        mine = (sources == "rule") & (names == name)
        if mine.any():
            part.flags[f"rule {name}"] = _flag(values[mine] < KEPT_FROM, groups[mine])


def _flag(events: np.ndarray, groups: Ints) -> Flag:
    places = groups % USER_GROUPS
    asked = np.bincount(places, minlength=USER_GROUPS)
    true = np.bincount(places[events], minlength=USER_GROUPS)
    there = np.flatnonzero(asked)
    return Flag(
        int(events.size),
        int(true.sum()),
        np.stack([there, asked[there], true[there]], axis=1).ravel().tolist(),
    )


def _number(values: Floats, groups: Ints, raw: Floats | None) -> Number:
    places = groups % USER_GROUPS
    n = np.bincount(places, minlength=USER_GROUPS)
    total = np.bincount(places, values, USER_GROUPS)
    bins: list[tuple[int, int]] = []
    tails: list[int] = []
    if raw is not None:
        every = bucket_index(raw, SCHEMA).astype(np.int64)
        index, counts = np.unique(every, return_counts=True)
        bins = list(zip(index.tolist(), counts.tolist(), strict=True))
        pairs, counts = np.unique(coarse(every) * USER_GROUPS + places, return_counts=True)
        tails = np.stack([pairs % USER_GROUPS, pairs // USER_GROUPS, counts], axis=1).ravel().tolist()
    return Number(
        [(g, int(n[g]), round(float(total[g]), DIGITS)) for g in np.flatnonzero(n).tolist()],
        round(float((values**2).sum()), DIGITS),
        bins,
        tails,
    )


def coarse(index: Any) -> Any:
    """The bin of ``Number.tails`` in which a bin of ``Number.bins`` lies: four of them, 9 % wide."""
    return -(-index // FINE_IN_COARSE)


def _mixes(arms: tuple[Arm, Arm]) -> Iterator[tuple[int, str, tuple[dict[str, int], dict[str, int]]]]:
    """How many calls of each value both arms have, by bucket and dimension; those that nobody fills are left out.

    The commonest values of a bucket stand for themselves, by the mean of their shares in both arms.
    """
    buckets = [np.asarray(arm.calls["bucket"], dtype=np.int64) for arm in arms]
    every = np.concatenate(buckets)
    if not every.size:
        return
    first = int(every.min())
    size = int(every.max()) - first + 1
    for dimension in MIXES:
        columns = [np.asarray(arm.calls[dimension], dtype=str) for arm in arms]
        names = np.unique(np.concatenate(columns))
        if names.size == 1 and not names[0]:
            continue
        counts = [
            np.bincount(np.searchsorted(names, values) * size + places - first, minlength=names.size * size)
            .reshape(names.size, size)
            for values, places in zip(columns, buckets, strict=True)
        ]  # fmt: skip
        shares = sum(one / np.maximum(one.sum(axis=0), 1) for one in counts)
        for place in np.flatnonzero(counts[0].sum(axis=0) + counts[1].sum(axis=0)).tolist():
            order = np.argsort(-shares[:, place], kind="stable")
            yield first + place, dimension, (
                _commonest(names, counts[0][:, place], order), _commonest(names, counts[1][:, place], order),
            )  # fmt: skip


def _commonest(names: np.ndarray, counts: Ints, order: Ints) -> dict[str, int]:
    found = {str(names[i]): int(counts[i]) for i in order[:MOST_STRATA] if counts[i]}
    rest = int(counts[order[MOST_STRATA:]].sum())
    if rest:
        found[REST] = found.get(REST, 0) + rest
    return found

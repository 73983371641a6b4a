"""Bodies of many buckets as the arrays that the tests take: one row for each bucket and stratum. Pure."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from monitor.canary.buckets import BEFORE, LEAST_BEFORE, USER_GROUPS, Spread
from monitor.canary.sums import CANARY, JUDGE, STABLE, Body, Part, coarse
from monitor.canary.users import Split
from monitor.core.histograms import upper_bounds
from monitor.core.stats import Counts, Floats, Ints

# the threshold of a row in which nothing is counted
NOWHERE = np.iinfo(np.int64).max
# versions that serve calls so far apart are not compared by the machine alone
MIXED = 0.2


@dataclass(frozen=True, slots=True)
class Rates:
    """Calls and events of both arms by row, and the same by user group."""

    counts: Counts
    stable: Split
    canary: Split

    def part(self, rows: slice) -> "Rates":
        of = self.counts
        counts = Counts(of.stable_n[rows], of.stable_events[rows], of.canary_n[rows], of.canary_events[rows])
        return Rates(counts, self.stable.part(rows), self.canary.part(rows))


@dataclass(frozen=True, slots=True)
class Table:
    """Consecutive buckets; rows are sorted by bucket, ``strata`` rows to each."""

    bodies: Sequence[Body]
    strata: tuple[str, ...]

    @classmethod
    def of(cls, bodies: Sequence[Body]) -> "Table":
        names = sorted({part.stratum for body in bodies for part in body.parts})
        return cls(bodies, tuple(names) or ("",))

    def by_judge(self, about: str = "") -> "Table":
        """The same with one stratum for each name of a mark: only marks on the same question are alike.

        ``about``: of that question alone.
        """
        return Table.of([
            Body([one for part in body.parts for one in _by_judge(part, about)]) for body in self.bodies
        ])  # fmt: skip

    @property
    def size(self) -> int:
        return len(self.bodies)

    def calls(self, arm: int) -> Floats:
        """Calls of an arm in each bucket."""
        return np.array([body.calls(arm) for body in self.bodies], dtype=np.float64)

    def flagged(self, name: str) -> Rates:
        """Calls that were asked and events among them, by row."""
        sums = np.zeros((4, self.size * len(self.strata)))
        users = self._empty_splits()
        for row, part in self._rows():
            flag = part.flags.get(name)
            if flag is None:
                continue
            sums[2 * part.arm, row] += flag.asked
            sums[2 * part.arm + 1, row] += flag.events
            groups = np.array(flag.users, dtype=np.int64).reshape(-1, 3)
            users[part.arm].n[row, groups[:, 0]] += groups[:, 1]
            users[part.arm].total[row, groups[:, 0]] += groups[:, 2]
        return Rates(Counts(*sums), *users)

    def spread(self, name: str, arm: int, *, sign: float = 1.0) -> Spread:
        """A number of one arm by row and user group."""
        rows = self.size * len(self.strata)
        n, total, squares = np.zeros((rows, USER_GROUPS)), np.zeros((rows, USER_GROUPS)), np.zeros(rows)
        for row, part in self._rows():
            found = part.numbers.get(name)
            if part.arm != arm or found is None:
                continue
            for group, count, value in found.groups:
                n[row, group] += count
                total[row, group] += sign * value
            squares[row] += found.squares
        return Spread(n, total, squares)

    def beyond(self, name: str, q: float) -> tuple[Rates, float]:
        """Calls beyond stable's own q-quantile of the 6 hours before each bucket, by row; and its last value.

        Buckets before which stable had too few calls count nothing.
        """
        lowest, width = self._bins(name)
        histograms = np.zeros((2, self.size * len(self.strata), width))
        for row, part in self._rows():
            found = part.numbers.get(name)
            for index, count in found.bins if found else ():
                histograms[part.arm, row, index - lowest] += count
        threshold, usable = self._thresholds(histograms[STABLE], q)
        rows = np.repeat(threshold, len(self.strata))
        known = np.repeat(usable, len(self.strata))
        outside = np.arange(width)[None, :] > rows[:, None]
        sums = []
        for arm in (STABLE, CANARY):
            sums += [
                np.where(known, histograms[arm].sum(axis=1), 0.0),
                np.where(known, (histograms[arm] * outside).sum(axis=1), 0.0),
            ]
        last = np.flatnonzero(usable)
        value = (
            float(upper_bounds(np.array([lowest + threshold[last[-1]]]), 5, ())[0]) if last.size else np.nan
        )
        users = self._beyond_by_user(name, np.where(known, coarse(rows + lowest), NOWHERE))
        return Rates(Counts(*sums), *users), value

    def _beyond_by_user(self, name: str, thresholds: Ints) -> tuple[Split, Split]:
        """The same by user group, at the edge of the coarser bin in which the threshold of a row lies."""
        users = self._empty_splits()
        for row, part in self._rows():
            found = part.numbers.get(name)
            if found is None or thresholds[row] == NOWHERE:
                continue
            groups, index, count = np.array(found.tails, dtype=np.int64).reshape(-1, 3).T
            outside = count * (index > thresholds[row])
            users[part.arm].n[row] += np.bincount(groups, count, USER_GROUPS)
            users[part.arm].total[row] += np.bincount(groups, outside, USER_GROUPS)
        return users

    def _empty_splits(self) -> tuple[Split, Split]:
        shape = (self.size * len(self.strata), USER_GROUPS)
        return Split(np.zeros(shape), np.zeros(shape)), Split(np.zeros(shape), np.zeros(shape))

    def _thresholds(self, stable: Floats, q: float) -> tuple[Ints, np.ndarray]:
        by_bucket = stable.reshape(self.size, len(self.strata), -1).sum(axis=1)
        cumulative = np.concatenate([np.zeros((1, by_bucket.shape[1])), np.cumsum(by_bucket, axis=0)])
        now = np.arange(self.size)
        past = cumulative[now] - cumulative[np.maximum(0, now - BEFORE)]
        total = past.sum(axis=1)
        places = (np.cumsum(past, axis=1) < q * total[:, None] - 1e-9).sum(axis=1)
        return places.astype(np.int64), total >= LEAST_BEFORE

    def _bins(self, name: str) -> tuple[int, int]:
        every = [
            index for _, part in self._rows() if name in part.numbers for index, _ in part.numbers[name].bins
        ]
        return (min(every), max(every) - min(every) + 1) if every else (0, 1)

    def _rows(self) -> list[tuple[int, Part]]:
        places = {name: place for place, name in enumerate(self.strata)}
        return [
            (number * len(self.strata) + places[part.stratum], part)
            for number, body in enumerate(self.bodies)
            for part in body.parts
        ]


def _by_judge(part: Part, about: str) -> list[Part]:
    found = [
        Part(part.arm, f"{part.stratum}\0{name}", 0, {}, {JUDGE: number})
        for name, number in part.numbers.items()
        if name.partition(" ")[0] == JUDGE and about in {"", name.partition(" ")[2]}
    ]
    if not found:
        return [Part(part.arm, part.stratum + "\0", part.calls)]
    found[0].calls = part.calls
    return found


class Mixes:
    """By dimension how far the two arms differ in whom they serve (0 alike, 1 disjoint), less what chance does.

    Within the same buckets, each weighed by n_c n_s / (n_c + n_s), as effects are.
    """

    def __init__(self) -> None:
        self._dimensions: dict[str, _Mix] = {}

    @classmethod
    def of(cls, bodies: Iterable[Body]) -> "Mixes":
        made = cls()
        for body in bodies:
            made.add(body)
        return made

    def add(self, body: Body) -> None:
        for dimension, (stable, canary) in body.mix.items():
            self._dimensions.setdefault(dimension, _Mix()).add(stable, canary)

    def distances(self) -> dict[str, float]:
        """Of the dimensions that any bucket tells of both arms."""
        return {name: one.distance() for name, one in sorted(self._dimensions.items()) if one.whole}


@dataclass(slots=True)
class _Mix:
    """The sums of one dimension: of all weights, and by value of differences and of what chance makes of them."""

    whole: float = 0.0
    gaps: dict[str, float] = field(default_factory=dict)
    chances: dict[str, float] = field(default_factory=dict)

    def add(self, stable: dict[str, int], canary: dict[str, int]) -> None:
        n_s, n_c = sum(stable.values()), sum(canary.values())
        if not n_s or not n_c:
            return
        weight = n_s * n_c / (n_s + n_c)
        self.whole += weight
        for value in stable.keys() | canary.keys():
            one, other = stable.get(value, 0), canary.get(value, 0)
            pooled = (one + other) / (n_s + n_c)
            self.gaps[value] = self.gaps.get(value, 0.0) + weight * (other / n_c - one / n_s)
            self.chances[value] = self.chances.get(value, 0.0) + weight * pooled * (1.0 - pooled)

    def distance(self) -> float:
        distance = 0.5 * sum(map(abs, self.gaps.values())) / self.whole
        noise = 0.5 * sum(map(math.sqrt, self.chances.values())) / self.whole
        return max(0.0, distance - 2.0 * noise)


def mix_distance(bodies: Iterable[Body]) -> dict[str, float]:
    """``Mixes`` of these buckets."""
    return Mixes.of(bodies).distances()


def mixed(mix: Mapping[str, float]) -> dict[str, float]:
    """The dimensions in which the versions serve calls too far apart for a machine to compare them."""
    return {name: far for name, far in mix.items() if far >= MIXED}

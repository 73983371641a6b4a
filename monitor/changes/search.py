"""Pure: which slices a change comes from, of all dimensions and pairs of them.

A slice stands out when what its calls add to the change, beyond what they would if all calls had changed
alike, is more than chance and than its ordinary ups and downs; over all slices tried the share of false
ones is kept (Benjamini-Hochberg). They are ranked by how much of the change singling them out explains,
and each next one by what it explains of the rest.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from monitor.changes.tables import Bools, Floats, Ints, Sums, Table, centred, keys_of, mask_of, ordinary

FALSE_SHARE = 0.03
MOST = 3
# a slice with fewer calls in the bad window is an anecdote
LEAST_CALLS = 5
# ups and downs of a slice are believed as much as those of all slices on average
TRUST_OWN = 0.5
# a pair has to explain so much more than one of its parts alone
SIMPLER = 0.85
# so many candidates are weighed again once the first is taken out
LOOKED_AT = 40
# a change of the mix is looked for where it makes at least so much of the whole
MIX_SHARE = 0.25
LEAST_OF_REST = 3.5
LEAST_SHARE = 0.05
# how surely, in standard deviations, a slice must have moved by itself
LEAST_OWN = 2.0
Parts = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Found:
    """A slice that stands out. ``share``: of the whole change, None where the whole did not move.

    ``mixed``: there are more or fewer of its calls; else its calls are otherwise than before.
    """

    parts: Parts
    share: float | None
    z: float
    gain: float
    mixed: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """``change``: of the mean over all calls (of the calls per second where they are counted). ``tried``: slices."""

    found: tuple[Found, ...]
    change: float
    tried: int


@dataclass(frozen=True, slots=True)
class _Scores:
    """One entry per slice that was tried."""

    parts: list[Parts]
    z: Floats
    gain: Floats


def of_means(table: Table, values: Floats, *, direction: int = 0) -> Result:
    """Where a number of the calls has changed; ``direction`` 1 or -1 where only that way counts."""
    bad = table.bad
    change = float(values[bad].mean() - values[~bad].mean())
    expected = ordinary(table, values)
    way = direction or (1 if change >= 0 else -1)
    found, tried = _ranked(table, values - expected, way, change)
    mix = float(expected[bad].mean() - expected[~bad].mean())
    if way * mix > MIX_SHARE * abs(change):
        moved, more = _ranked(table, expected - float(values[~bad].mean()), way, change, mixed=True)
        found, tried = [*found, *moved], tried + more
    found.sort(key=lambda one: -one.z)
    return Result(tuple(found[:MOST]), change, tried)


def of_counts(table: Table, seconds: Floats, *, direction: int = 0) -> Result:
    """Where the number of calls has changed; ``seconds``: how long each stretch lasts."""
    rates = table.sizes / seconds
    before = float(table.sizes[:-1].sum() / seconds[:-1].sum())
    change = float(rates[-1]) - before
    way = direction or (1 if change >= 0 else -1)
    found, tried = _ranked(table, np.ones(len(table)), way, change, seconds=seconds)
    return Result(tuple(found[:MOST]), change, tried)


def _ranked(
    table: Table,
    values: Floats,
    way: int,
    change: float,
    *,
    mixed: bool = False,
    seconds: Floats | None = None,
) -> tuple[list[Found], int]:
    """What stands out, the first one first; and how many slices were tried."""
    numbers = values if seconds is not None else centred(table, values)
    scores = _scores(table, numbers, way)
    chosen = _simplest(scores, _standing_out(scores.z, np.array([len(one) for one in scores.parts])))
    found: list[Found] = []
    out = np.zeros(len(table), dtype=bool)
    rest = sorted(chosen, key=lambda place: -scores.gain[place])[:LOOKED_AT]
    while rest and len(found) < MOST:
        place = rest.pop(0)
        mask = mask_of(table, scores.parts[place])
        share = _share(table, mask, values, change, seconds)
        real = mixed or _moved_itself(table, mask, values, way, seconds)
        if real and (share is None or share >= LEAST_SHARE):
            found.append(
                Found(scores.parts[place], share, float(scores.z[place]), float(scores.gain[place]), mixed)
            )
            out |= mask
            rest = _of_the_rest(table, values, way, scores, rest, out, counted=seconds is not None)
    return found, len(scores.parts)


def _scores(table: Table, numbers: Floats, way: int) -> _Scores:
    parts: list[Parts] = []
    z, gain = [np.empty(0)], [np.empty(0)]
    for mine, sums in _slices(table, numbers):
        enough = sums.n[:, -1] + sums.n[:, :-1].sum(axis=1) / table.stretches >= LEAST_CALLS
        kept = np.flatnonzero(enough)
        if not kept.size:
            continue
        ones, gains = _weigh(Sums(sums.n[kept], sums.total[kept], sums.squares[kept]), table.sizes, way)
        parts += [_parts(mine, int(key), table) for key in kept]
        z.append(ones)
        gain.append(gains)
    return _Scores(parts, np.concatenate(z), np.concatenate(gain))


def _slices(table: Table, numbers: Floats) -> Iterator[tuple[tuple[int, ...], Sums]]:
    """The sums over the slices of each dimension and of each pair; one that never differs has none."""
    places = [
        place
        for place, one in enumerate(table.dimensions)
        if one.size > 1 or (one.size and (one.codes < 0).any())
    ]
    squares = numbers**2
    for place in places:
        keys, size = keys_of(table.dimensions[place])
        yield (place,), Sums.of(keys, size, table, numbers, squares)
    for one, other in combinations(places, 2):
        keys, size = keys_of(table.dimensions[one], table.dimensions[other])
        yield (one, other), Sums.of(keys, size, table, numbers, squares)


def _parts(mine: tuple[int, ...], key: int, table: Table) -> Parts:
    if len(mine) == 1:
        return ((mine[0], key),)
    width = table.dimensions[mine[1]].size
    return ((mine[0], key // width), (mine[1], key % width))


def _weigh(sums: Sums, sizes: Floats, way: int) -> tuple[Floats, Floats]:
    """How surely each slice adds to the change beyond its like, in standard deviations; and how much it explains."""
    many = float(sizes[:-1].sum())
    few = float(sizes[-1])
    calm = sums.total[:, :-1].sum(axis=1) / many
    moved = way * (sums.total[:, -1] / few - calm)
    spread = np.maximum(sums.squares[:, :-1].sum(axis=1) / many - calm**2, 0.0)
    spread_bad = np.maximum(sums.squares[:, -1] / few - (sums.total[:, -1] / few) ** 2, 0.0)
    # a slice that fell silent has no spread left, which is no reason to be sure of it
    variance = np.maximum(spread_bad, spread) / few + spread / many
    wild = _unrest(sums, sizes, calm, spread)
    z = moved / np.sqrt(np.maximum(variance * wild, 1e-300))
    share = np.clip(np.maximum(sums.n[:, -1] / few, sums.n[:, :-1].sum(axis=1) / many), 1e-9, 1 - 1e-9)
    return np.where(variance > 0, z, 0.0), np.where(moved > 0, moved**2 / (share * (1 - share)), 0.0)


def _unrest(sums: Sums, sizes: Floats, calm: Floats, spread: Floats) -> Floats:
    """How many times more a slice moves from stretch to stretch of the baseline than by chance; at least 1."""
    filled = np.flatnonzero(sizes[:-1] > 0)
    if filled.size < 3:
        return np.ones(len(calm))
    means = sums.total[:, filled] / sizes[filled]
    between = ((means - calm[:, None]) ** 2 * sizes[filled]).sum(axis=1) / (filled.size - 1)
    own = np.divide(between, spread, out=np.ones_like(between), where=spread > 0)
    usual = float(np.median(own)) if own.size else 1.0
    unrest: Floats = np.maximum(TRUST_OWN * own + (1 - TRUST_OWN) * usual, 1.0)
    return unrest


def _standing_out(z: Floats, depth: Ints) -> list[int]:
    """Benjamini and Hochberg: the places of those that may be told.

    Single values and pairs get half of the error each, for there are many more pairs than faults in them.
    """
    if not z.size:
        return []
    p = np.array([0.5 * math.erfc(one / math.sqrt(2.0)) for one in z])
    kinds, members = np.unique(depth, return_counts=True)
    p *= (members * kinds.size / z.size)[np.searchsorted(kinds, depth)]
    order = np.argsort(p, kind="stable")
    passed = np.flatnonzero(p[order] <= FALSE_SHARE * np.arange(1, z.size + 1) / z.size)
    return order[: passed[-1] + 1].tolist() if passed.size else []


def _simplest(scores: _Scores, places: list[int]) -> list[int]:
    """Without the pairs that say hardly more than one of their parts."""
    alone = {scores.parts[place][0]: scores.gain[place] for place in places if len(scores.parts[place]) == 1}
    return [
        place for place in places
        if len(scores.parts[place]) == 1
        or max(alone.get(part, 0.0) for part in scores.parts[place]) < SIMPLER * scores.gain[place]
    ]  # fmt: skip


def _of_the_rest(
    table: Table, values: Floats, way: int, scores: _Scores, places: list[int], out: Bools, *, counted: bool
) -> list[int]:
    """Those of the candidates that stand out among the other calls too, what explains most first."""
    if (~out & table.bad).sum() < LEAST_CALLS or (~out & ~table.bad).sum() < LEAST_CALLS:
        return []
    left = table.taken(~out)
    numbers = values[~out] if counted else centred(left, values[~out])
    found = []
    for place in places:
        keys = (~mask_of(left, scores.parts[place])).astype(np.int64)
        sums = Sums.of(keys, 1, left, numbers)
        if sums.n[0, -1] + sums.n[0, :-1].sum() / left.stretches < LEAST_CALLS:
            continue
        z, gain = _weigh(sums, left.sizes, way)
        if z[0] >= LEAST_OF_REST:
            found.append((-float(gain[0]), place))
    return [place for _, place in sorted(found)]


def _share(table: Table, mask: Bools, values: Floats, change: float, seconds: Floats | None) -> float | None:
    """What the slice adds to the whole change."""
    if change == 0:
        return None
    bad = table.bad
    if seconds is not None:
        now = float((mask & bad).sum() / seconds[-1])
        adds = now - float((mask & ~bad).sum() / seconds[:-1].sum())
    else:
        adds = float(values[mask & bad].sum() / bad.sum() - values[mask & ~bad].sum() / (~bad).sum())
    share = adds / change
    return min(share, 1.0) if share > 0 else None


def _moved_itself(table: Table, mask: Bools, values: Floats, way: int, seconds: Floats | None) -> bool:
    """Whether the slice has changed that way, and not only the others the other way."""
    now, before = mask & table.bad, mask & ~table.bad
    if seconds is not None:
        expected = float(before.sum()) * seconds[-1] / seconds[:-1].sum()
        return bool(way * (now.sum() - expected) >= LEAST_OWN * math.sqrt(max(expected, 1.0)))
    if now.sum() < LEAST_CALLS or before.sum() < LEAST_CALLS:
        return True
    spread = values[now].var() / now.sum() + values[before].var() / before.sum()
    return bool(way * (values[now].mean() - values[before].mean()) >= LEAST_OWN * math.sqrt(spread))

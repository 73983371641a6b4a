"""Pure: calls as columns, and the sums over slices that every question about them is answered from."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
# a million calls have a million of them in each column: as small as they can be
Ints = npt.NDArray[np.signedinteger[Any]]
Bools = npt.NDArray[np.bool_]
# of one dimension so many values are slices; the rest is in none
MOST_VALUES = 64
UNKNOWN = -1


@dataclass(frozen=True, slots=True)
class Dimension:
    """``codes``: for each call the place of its value in ``values``, UNKNOWN where it has none worth a slice."""

    name: str
    codes: Ints
    values: Ints

    @property
    def size(self) -> int:
        return len(self.values)

    def taken(self, kept: Bools | Ints) -> "Dimension":
        return replace(self, codes=self.codes[kept])


def dimension(name: str, keys: Ints, *, missing: int | None = None) -> Dimension:
    """The commonest values of a column as slices; ``missing`` is the key of calls that say nothing."""
    values, counts = np.unique(keys, return_counts=True)
    counts = np.where(values == missing, 0, counts) if missing is not None else counts
    chosen = np.sort(np.argsort(-counts, kind="stable")[:MOST_VALUES])
    kept = values[chosen[counts[chosen] > 0]].astype(np.int64)
    if not kept.size:
        return Dimension(name, np.full(len(keys), UNKNOWN, dtype=np.int16), kept)
    places = np.minimum(np.searchsorted(kept, keys), kept.size - 1)
    return Dimension(name, np.where(kept[places] == keys, places, UNKNOWN).astype(np.int16), kept)


@dataclass(frozen=True)
class Table:
    """``blocks``: for each call which stretch of the baseline it lies in, ``stretches`` for the bad window.

    The stretches are alike in length to the bad window, and tell how much a slice moves on an ordinary day.
    """

    dimensions: tuple[Dimension, ...]
    blocks: Ints
    stretches: int

    def __len__(self) -> int:
        return len(self.blocks)

    @cached_property
    def bad(self) -> Bools:
        found: Bools = self.blocks == self.stretches
        return found

    @cached_property
    def sizes(self) -> Floats:
        """How many calls each stretch has; the bad window is the last."""
        return np.bincount(self.blocks, minlength=self.stretches + 1).astype(np.float64)

    def taken(self, kept: Bools | Ints) -> "Table":
        parts = tuple(one.taken(kept) for one in self.dimensions)
        return Table(parts, self.blocks[kept], self.stretches)


@dataclass(frozen=True, slots=True)
class Sums:
    """Per slice and stretch: calls, the sum of a number, the sum of its squares; shape (slices, stretches + 1)."""

    n: Floats
    total: Floats
    squares: Floats

    @classmethod
    def of(cls, keys: Ints, size: int, table: Table, values: Floats, squares: Floats | None = None) -> "Sums":
        """``keys`` below ``size`` are slices, ``size`` is none. ``squares``: who asks often has them at hand."""
        width = table.stretches + 1
        # in the integers that numpy counts with: it would make them anew for each of the three
        cells = keys.astype(np.intp)
        cells *= width
        cells += table.blocks
        shape, cut = (size + 1, width), size
        weights = (None, values, values**2 if squares is None else squares)
        counted = (np.bincount(cells, one, (size + 1) * width) for one in weights)
        n, total, squares = (one.reshape(shape)[:cut].astype(np.float64) for one in counted)
        return cls(n, total, squares)


def keys_of(one: Dimension, other: Dimension | None = None) -> tuple[Ints, int]:
    """The key of each call's slice of one dimension or of two, and how many slices there are."""
    if other is None:
        return np.where(one.codes < 0, np.int16(one.size), one.codes).astype(np.int32), one.size
    size = one.size * other.size
    keys = one.codes.astype(np.int32) * np.int32(other.size) + other.codes
    keys[(one.codes < 0) | (other.codes < 0)] = size
    return keys, size


def ordinary(table: Table, values: Floats, *, sweeps: int = 2, caution: float = 20.0) -> Floats:
    """What the baseline lets expect of each call: its mean, and what each of the call's values adds to it.

    A value that few calls have adds little, one that the baseline never saw adds nothing.
    """
    calm = ~table.bad
    mean = float(values[calm].mean())
    left = values[calm] - mean
    expected = np.full(len(table), mean)
    for _ in range(sweeps):
        for one in table.dimensions:
            keys, size = keys_of(one)
            mine = keys[calm]
            adds = np.bincount(mine, left, size + 1) / (np.bincount(mine, minlength=size + 1) + caution)
            adds[size] = 0.0
            left = left - adds[mine]
            expected += adds[keys]
    return expected


def centred(table: Table, values: Floats) -> Floats:
    """Each call's number less the mean of its stretch: what is alike everywhere stands out nowhere."""
    means = np.bincount(table.blocks, values, table.stretches + 1) / np.maximum(table.sizes, 1.0)
    return values - means[table.blocks]


def mask_of(table: Table, parts: Sequence[tuple[int, int]]) -> Bools:
    """The calls of a slice: (place of the dimension, code), all of which hold."""
    mask = np.ones(len(table), dtype=bool)
    for place, code in parts:
        mask &= table.dimensions[place].codes == code
    return mask

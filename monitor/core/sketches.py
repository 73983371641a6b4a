"""What detectors read instead of raw events: additive summaries of one window of calls. Pure.

A sketch can be added to another, thinned to fewer items and kept as JSON; the order of the items is gone.
"""

import base64
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from monitor.core.histograms import Floats, Ints, bucket_index

# 16 buckets per doubling: 4.4 % wide, which gives quantiles of a million values within 0.1 %
SCHEMA = 4
# 4 of them together are a fifth of a doubling
COARSER = 4
# numbers of any sign: 128 buckets per doubling, and what is nothing
REAL_SCHEMA, SMALLEST, LARGEST = 7, 1e-6, 1e100
# bins beyond so many are one
FARTHEST = 20
_NOTHING = int(bucket_index(np.array([SMALLEST]), REAL_SCHEMA)[0])


@dataclass(frozen=True, slots=True)
class Numbers(ABC):
    """Counts of numbers in buckets (``index`` ascending, with the numbers)."""

    index: Ints
    counts: Floats

    @classmethod
    @abstractmethod
    def of(cls, values: Floats) -> Self:
        """NaN is left out."""

    @property
    @abstractmethod
    def values(self) -> Floats:
        """The middle of each bucket."""

    @property
    @abstractmethod
    def positions(self) -> Floats:
        """Where each bucket lies on the scale on which distances are measured."""

    @property
    @abstractmethod
    def deviation(self) -> float:
        """The standard deviation on that scale; never nothing, so that distances can be divided by it."""

    @abstractmethod
    def bins(self, like: "Numbers") -> Ints:
        """The bin of each bucket, so wide that small windows are not all noise; the same bins for two sketches
        that are compared with the same third.
        """

    @property
    def n(self) -> int:
        return round(float(self.counts.sum()))

    def quantile(self, q: float) -> float:
        """NaN for an empty sketch; exact to the width of a bucket."""
        if not self.counts.size:
            return float("nan")
        place = int(np.searchsorted(np.cumsum(self.counts), q * float(self.counts.sum())))
        return float(self.values[min(place, self.index.size - 1)])

    def cumulative(self, grid: Ints) -> Floats:
        """The distribution function at the buckets of ``grid``: the share of items there or below."""
        total = np.concatenate([[0.0], np.cumsum(self.counts)])
        found: Floats = total[np.searchsorted(self.index, grid, side="right")] / total[-1]
        return found

    def at(self, grid: Ints) -> Self:
        """A sketch with one item in each of these buckets, to ask where they lie."""
        return type(self)(grid, np.ones(grid.size))

    @property
    def mean(self) -> float:
        """On the scale of ``positions``; NaN for an empty sketch."""
        return float(np.average(self.positions, weights=self.counts)) if self.counts.size else float("nan")

    def thin(self, n: int, chance: np.random.Generator) -> Self:
        """What a window with only ``n`` of these items could have looked like."""
        if n >= self.n:
            return self
        counts = chance.multivariate_hypergeometric(self.counts.astype(np.int64), n)
        return type(self)(self.index[counts > 0], counts[counts > 0].astype(np.float64))

    def to_json(self) -> dict[str, Any]:
        return {"index": self.index.tolist(), "counts": self.counts.tolist()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(np.array(data["index"], dtype=np.int64), np.array(data["counts"], dtype=np.float64))

    @classmethod
    def merge(cls, parts: Sequence["Numbers"]) -> Self:
        if not parts:
            return cls(np.empty(0, dtype=np.int64), np.empty(0))
        index, places = np.unique(np.concatenate([part.index for part in parts]), return_inverse=True)
        counts = np.bincount(places, np.concatenate([part.counts for part in parts]), index.size)
        return cls(index.astype(np.int64), counts.astype(np.float64))

    def _spread(self) -> float:
        if not self.counts.size:
            return 0.0
        found = np.average((self.positions - self.mean) ** 2, weights=self.counts)
        return float(np.sqrt(found))


@dataclass(frozen=True, slots=True)
class LogSketch(Numbers):
    """Counts of positive numbers in logarithmic buckets (as in native histograms), compared by their logarithms."""

    @classmethod
    def of(cls, values: Floats, least: float = 0.5) -> Self:
        """Values at or under ``least`` (a length of 0) share the bucket of ``least``; NaN is left out."""
        index, counts = np.unique(cls.places(values[np.isfinite(values)], least), return_counts=True)
        return cls(index.astype(np.int64), counts.astype(np.float64))

    @classmethod
    def places(cls, values: Floats, least: float = 0.5) -> Ints:
        """The bucket of each value."""
        return bucket_index(np.maximum(values, least), SCHEMA)

    @property
    def values(self) -> Floats:
        """The geometric middle of each bucket."""
        middle: Floats = np.exp2((self.index - 0.5) / 2**SCHEMA)
        return middle

    @property
    def positions(self) -> Floats:
        found: Floats = np.log(self.values)
        return found

    @property
    def deviation(self) -> float:
        return max(self._spread(), 1e-9)

    def bins(self, like: Numbers) -> Ints:  # noqa: ARG002 — a fifth of a doubling, whatever it is compared with
        return self.index // COARSER


@dataclass(frozen=True, slots=True)
class RealSketch(Numbers):
    """Counts of any numbers, also under nothing (scores, log-probabilities): buckets half a percent wide."""

    @classmethod
    def of(cls, values: Floats) -> Self:
        index, counts = np.unique(cls.places(values[np.abs(values) <= LARGEST]), return_counts=True)
        return cls(index.astype(np.int64), counts.astype(np.float64))

    @classmethod
    def places(cls, values: Floats) -> Ints:
        """The bucket of each value."""
        size = np.abs(values)
        index = np.zeros(values.size, dtype=np.int64)
        some = size > SMALLEST
        index[some] = np.sign(values[some]) * (bucket_index(size[some], REAL_SCHEMA) - _NOTHING)
        return index

    @property
    def values(self) -> Floats:
        size = np.exp2((np.abs(self.index) + _NOTHING - 0.5) / 2**REAL_SCHEMA)
        found: Floats = np.sign(self.index) * size
        return found

    @property
    def positions(self) -> Floats:
        return self.values

    @property
    def deviation(self) -> float:
        """What has always been the same number may move by a hundredth of it; what has always been nothing has no
        scale but its own unit.
        """
        return max(self._spread(), 0.01 * abs(self.mean) if self.counts.size else 0.0) or 1.0

    def bins(self, like: Numbers) -> Ints:
        """A quarter of a standard deviation wide, far ones together."""
        place = np.floor((self.positions - like.mean) / like.deviation * 4.0)
        found: Ints = np.clip(place, -FARTHEST, FARTHEST).astype(np.int64)
        return found


@dataclass(frozen=True, slots=True)
class CategorySketch:
    """How often each word came."""

    counts: Mapping[str, int]

    @property
    def n(self) -> int:
        return sum(self.counts.values())

    def thin(self, n: int, chance: np.random.Generator) -> "CategorySketch":
        """What a window with only ``n`` of these items could have looked like."""
        if n >= self.n:
            return self
        names = sorted(self.counts)
        drawn = chance.multivariate_hypergeometric([self.counts[name] for name in names], n)
        return CategorySketch({name: int(k) for name, k in zip(names, drawn, strict=True) if k})

    def to_json(self) -> dict[str, Any]:
        return {"categories": dict(self.counts)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "CategorySketch":
        return cls({str(name): int(n) for name, n in data["categories"].items()})

    @classmethod
    def merge(cls, parts: Sequence["CategorySketch"]) -> "CategorySketch":
        total: Counter[str] = Counter()
        for part in parts:
            total.update(part.counts)
        return cls(dict(total))


@dataclass(frozen=True, slots=True)
class VectorMean:
    """The mean of ``n`` vectors of length one. Their spread follows: 1 - |mean|^2."""

    n: int
    mean: Floats

    @property
    def spread(self) -> float:
        """The mean squared distance of the vectors from their mean."""
        return max(1e-9, 1.0 - float(self.mean @ self.mean)) if self.n else float("nan")

    def thin(self, n: int, chance: np.random.Generator) -> "VectorMean":
        """What the mean of only ``n`` of these vectors could have been (its noise taken as alike all round)."""
        if n >= self.n:
            return self
        scale = np.sqrt(self.spread * (1.0 / n - 1.0 / self.n) / self.mean.size)
        return VectorMean(n, self.mean + chance.normal(0.0, scale, self.mean.size))

    def to_json(self) -> dict[str, Any]:
        return {"n": self.n, "mean": [round(float(x), 6) for x in self.mean]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "VectorMean":
        return cls(int(data["n"]), np.array(data["mean"], dtype=np.float64))

    @classmethod
    def merge(cls, parts: Sequence["VectorMean"]) -> "VectorMean":
        known = [part for part in parts if part.n]
        total = sum(part.n for part in known)
        if not known:
            return cls(0, np.empty(0))
        return cls(total, np.sum([part.mean * (part.n / total) for part in known], axis=0))


@dataclass(frozen=True, slots=True)
class VectorSample:
    """A few (k, d) of ``n`` vectors, for what no sum can tell: a change of shape that leaves the mean alone."""

    n: int
    vectors: Floats

    def thin(self, n: int, chance: np.random.Generator) -> "VectorSample":
        """What the sample of a window with only ``n`` of these items could have been."""
        if n >= self.vectors.shape[0]:
            return self
        return VectorSample(n, self.vectors[np.sort(chance.choice(self.vectors.shape[0], n, replace=False))])

    def to_json(self) -> dict[str, Any]:
        packed = base64.b85encode(self.vectors.astype(np.float16).tobytes()).decode()
        return {"n": self.n, "sample": packed, "width": self.vectors.shape[1]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "VectorSample":
        found = np.frombuffer(base64.b85decode(data["sample"]), np.float16).astype(np.float64)
        return cls(int(data["n"]), found.reshape(-1, max(1, int(data["width"]))))

    @classmethod
    def merge(cls, parts: Sequence["VectorSample"]) -> "VectorSample":
        known = [part for part in parts if part.vectors.size]
        if not known:
            return cls(0, np.empty((0, 1)))
        return cls(sum(part.n for part in known), np.concatenate([part.vectors for part in known]))


Sketch = Numbers | CategorySketch | VectorMean | VectorSample

"""What detectors read instead of raw events: additive summaries of one window of calls. Pure.

A sketch can be added to another, thinned to fewer items and kept as JSON; the order of the items is gone.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from monitor.core.histograms import Floats, Ints, bucket_index

# 16 buckets per doubling: 4.4 % wide, which gives quantiles of a million values within 0.1 %
SCHEMA = 4


@dataclass(frozen=True, slots=True)
class LogSketch:
    """Counts of positive numbers in logarithmic buckets (``index`` ascending, as in native histograms)."""

    index: Ints
    counts: Floats

    @classmethod
    def of(cls, values: Floats, least: float = 0.5) -> "LogSketch":
        """Values at or under ``least`` (a length of 0) share the bucket of ``least``; NaN is left out."""
        kept = np.maximum(values[np.isfinite(values)], least)
        index, counts = np.unique(bucket_index(kept, SCHEMA), return_counts=True)
        return cls(index.astype(np.int64), counts.astype(np.float64))

    @property
    def n(self) -> int:
        return round(float(self.counts.sum()))

    @property
    def values(self) -> Floats:
        """The geometric middle of each bucket."""
        middle: Floats = np.exp2((self.index - 0.5) / 2**SCHEMA)
        return middle

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

    def thin(self, n: int, chance: np.random.Generator) -> "LogSketch":
        """What a window with only ``n`` of these items could have looked like."""
        if n >= self.n:
            return self
        counts = chance.multivariate_hypergeometric(self.counts.astype(np.int64), n)
        return LogSketch(self.index[counts > 0], counts[counts > 0].astype(np.float64))

    def to_json(self) -> dict[str, Any]:
        return {"index": self.index.tolist(), "counts": self.counts.tolist()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "LogSketch":
        return cls(np.array(data["index"], dtype=np.int64), np.array(data["counts"], dtype=np.float64))

    @classmethod
    def merge(cls, parts: Sequence["LogSketch"]) -> "LogSketch":
        if not parts:
            return cls(np.empty(0, dtype=np.int64), np.empty(0))
        index, places = np.unique(np.concatenate([part.index for part in parts]), return_inverse=True)
        counts = np.bincount(places, np.concatenate([part.counts for part in parts]), index.size)
        return cls(index.astype(np.int64), counts.astype(np.float64))


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


Sketch = LogSketch | VectorMean | VectorSample

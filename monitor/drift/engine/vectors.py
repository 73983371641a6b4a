"""Embeddings against the reference: what is asked (the mix) apart from how it is asked (the wording). Pure.

Vectors are projected to 32 dimensions and sorted into 32 clusters of the reference. Per hour only sums are
kept: count and sum of vectors per cluster, and how many lie far from their cluster. From these: shares of the
clusters, the shift of the mean at fixed mix (s = sum_k w_k (m_kt - m_k,ref) with the reference's weights), and
the share that belongs to no cluster.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitor.core.stats import Floats, Ints

DIMENSIONS = 32
CLUSTERS = 32
GROUPS = 10
FAR_QUANTILE = 0.95
LEAST_VECTORS = 50
FOLDS = 7
SEED = 20_260_101
# the shift must be at least so many deviations of log T^2 beyond calm hours, and this part of the radius
TOLERANCE = 1.0
LEAST_LENGTH = 0.05
# vectors that are enough to find the clusters
ENOUGH = 20_000
ROUNDS = 25

Vectors = npt.NDArray[np.floating]


def project(vectors: Vectors) -> Floats:
    """(n, d) to (n, 32) by a fixed random projection; vectors of 32 dimensions or fewer stay as they are."""
    width = vectors.shape[1]
    if width <= DIMENSIONS:
        return vectors.astype(np.float64)
    chance = np.random.default_rng([SEED, width])
    matrix = chance.normal(0.0, DIMENSIONS**-0.5, (width, DIMENSIONS))
    found: Floats = vectors.astype(np.float64) @ matrix
    return found


def unit(vectors: Vectors) -> Floats:
    """Vectors (n, d) at length one."""
    found: Floats = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return found


def squares_apart(ones: Floats, others: Floats) -> Floats:
    """Squared distances (n, m) of each of these to each of the others; rounding leaves some just below 0."""
    found: Floats = (ones**2).sum(axis=1)[:, None] - 2.0 * ones @ others.T + (others**2).sum(axis=1)[None, :]
    return found


@dataclass(frozen=True, slots=True)
class Clusters:
    """Centres (K, d) of the reference, from which distance on a vector is far from its own (K,), and groups
    of like clusters (K,).
    """

    centres: Floats
    far: Floats
    group: Ints

    @property
    def radius(self) -> float:
        """About the deviation within a cluster."""
        return float(np.sqrt(np.mean(self.far**2)) / 1.3)

    def nearest(self, vectors: Floats) -> tuple[Ints, Floats]:
        """The cluster of each projected vector (n,), and how far it lies from its centre (n,)."""
        return _nearest(self.centres, vectors)

    def mix(self, hours: "VectorHours") -> Floats:
        """Counts per hour of the groups of like clusters (H, G): one topic is rarely one cluster."""
        found = np.zeros((hours.at.size, int(self.group.max()) + 1))
        np.add.at(found.T, self.group, hours.n.T)
        return found

    def hour(self, at: int, vectors: Floats) -> "VectorHours":
        """The sums of one hour, which may hold no vector at all."""
        if vectors.shape[0]:
            return self.sums(np.full(vectors.shape[0], at, dtype=np.int64), vectors)
        k, d = self.centres.shape
        return VectorHours(np.array([at], dtype=np.int64), np.zeros((1, k)), np.zeros((1, k, d)), np.zeros(1))

    def sums(self, hours: Ints, vectors: Floats) -> "VectorHours":
        """The sums by hour of projected vectors (n, d), whose hours since 1970 are (n,)."""
        at, place = np.unique(hours, return_inverse=True)
        label, distance = _nearest(self.centres, vectors)
        k, d = self.centres.shape
        n = np.bincount(place * k + label, minlength=at.size * k).reshape(at.size, k).astype(np.float64)
        total = np.zeros((at.size * k, d))
        np.add.at(total, place * k + label, vectors)
        far = np.bincount(place, distance > self.far[label], at.size)
        return VectorHours(at.astype(np.int64), n, total.reshape(at.size, k, d), far.astype(np.float64))


@dataclass(frozen=True, slots=True)
class VectorHours:
    """Additive: hours (H,), counts (H, K), sums (H, K, d), and how many were far (H,)."""

    at: Ints
    n: Floats
    total: Floats
    far: Floats

    @classmethod
    def joined(cls, parts: Sequence["VectorHours"]) -> "VectorHours":
        return cls(
            np.concatenate([part.at for part in parts]),
            np.concatenate([part.n for part in parts]),
            np.concatenate([part.total for part in parts]),
            np.concatenate([part.far for part in parts]),
        )

    def part(self, kept: np.ndarray) -> "VectorHours":
        return VectorHours(self.at[kept], self.n[kept], self.total[kept], self.far[kept])

    @property
    def calls(self) -> Floats:
        found: Floats = self.n.sum(axis=1)
        return found


def find_clusters(vectors: Floats, clusters: int = CLUSTERS) -> Clusters:
    """k-means of projected reference vectors (n, d), always the same for the same vectors."""
    chance = np.random.default_rng(SEED)
    if vectors.shape[0] > ENOUGH:
        vectors = vectors[chance.choice(vectors.shape[0], ENOUGH, replace=False)]
    centres = _first_centres(vectors, min(clusters, vectors.shape[0]), chance)
    for _ in range(ROUNDS):
        label, _distance = _nearest(centres, vectors)
        count = np.bincount(label, minlength=centres.shape[0])
        total = np.zeros_like(centres)
        np.add.at(total, label, vectors)
        moved = np.where(count[:, None] > 0, total / np.maximum(count, 1)[:, None], centres)
        if np.allclose(moved, centres):
            break
        centres = moved
    label, distance = _nearest(centres, vectors)
    overall = float(np.quantile(distance, FAR_QUANTILE))
    far = np.full(centres.shape[0], overall)
    for k in range(centres.shape[0]):
        own = distance[label == k]
        if own.size >= LEAST_VECTORS:
            far[k] = np.quantile(own, FAR_QUANTILE)
    return Clusters(centres, far, _groups(centres))


def _groups(centres: Floats) -> Ints:
    from scipy.cluster.hierarchy import fcluster, ward  # workers only: scipy takes a second to import

    if centres.shape[0] <= GROUPS:
        return np.arange(centres.shape[0], dtype=np.int64)
    found: Ints = fcluster(ward(centres), GROUPS, "maxclust").astype(np.int64) - 1
    return found


def _first_centres(vectors: Floats, clusters: int, chance: np.random.Generator) -> Floats:
    """k-means++: each next centre is drawn far from those there are (Arthur, Vassilvitskii, 2007)."""
    centres = [vectors[int(chance.integers(vectors.shape[0]))]]
    nearest = ((vectors - centres[0]) ** 2).sum(axis=1)
    for _ in range(clusters - 1):
        total = float(nearest.sum())
        drawn = chance.random() * total
        place = int(np.searchsorted(np.cumsum(nearest), drawn)) if total > 0 else 0
        centres.append(vectors[min(place, vectors.shape[0] - 1)])
        nearest = np.minimum(nearest, ((vectors - centres[-1]) ** 2).sum(axis=1))
    return np.array(centres)


def _nearest(centres: Floats, vectors: Floats) -> tuple[Ints, Floats]:
    squares = squares_apart(vectors, centres)
    label = squares.argmin(axis=1)
    closest = np.take_along_axis(squares, label[:, None], axis=1)[:, 0]
    return label.astype(np.int64), np.sqrt(np.maximum(closest, 0.0))


@dataclass(frozen=True, slots=True)
class Wording:
    """What is normal for the shift at fixed mix.

    ``weights`` (K,) and ``means`` (K, d) of the reference; ``inverse`` (d, d) of the covariance of a scaled
    shift; ``centre`` and ``spread`` of log T^2 in calm hours; ``radius``: deviation within a cluster.
    """

    weights: Floats
    means: Floats
    inverse: Floats
    centre: float
    spread: float
    radius: float

    def shift(self, hours: VectorHours) -> tuple[Floats, Floats]:
        """The shift of every hour (H, d), and of how many independent vectors it is the mean (H,)."""
        return _shift(hours, self.weights, self.means)

    def excess(self, hours: VectorHours) -> Floats:
        """Z of log T^2 beyond the tolerance, per hour (H,); NaN where there are too few vectors."""
        s, size = self.shift(hours)
        z = (_log_t2(s, size, self.inverse) - self.centre) / self.spread - TOLERANCE
        small = np.linalg.norm(s, axis=1) <= LEAST_LENGTH * self.radius
        found: Floats = np.where(hours.calls >= LEAST_VECTORS, np.where(small, np.minimum(z, 0.0), z), np.nan)
        return found

    def length(self, hours: VectorHours) -> Floats:
        """The effect people read: length of the shift over the radius of a cluster."""
        s, _ = self.shift(hours)
        found: Floats = np.linalg.norm(s, axis=1) / self.radius
        return found


def fit_wording(reference: VectorHours, clusters: Clusters, days: Ints) -> Wording:
    """Learn from the reference, whose ``days`` (H,) are left out in turn so that no hour judges itself."""
    weights, means = _centre(reference)
    useful = reference.calls >= LEAST_VECTORS
    logs = []
    for fold in range(FOLDS):
        held = useful & (days % FOLDS == fold)
        rest = useful & ~held
        if held.any() and rest.sum() > 2 * DIMENSIONS:
            w, m = _centre(reference.part(rest))
            inverse = _inverse(*_shift(reference.part(rest), w, m))
            logs.append(_log_t2(*_shift(reference.part(held), w, m), inverse))
    calm = np.concatenate(logs) if logs else np.array([np.log(DIMENSIONS)])
    inverse = _inverse(*_shift(reference.part(useful), weights, means))
    spread = max(float(calm.std()), float(np.sqrt(2.0 / means.shape[1])))
    return Wording(weights, means, inverse, float(calm.mean()), spread, clusters.radius)


def _centre(hours: VectorHours) -> tuple[Floats, Floats]:
    n = hours.n.sum(axis=0)
    return n / max(1.0, float(n.sum())), hours.total.sum(axis=0) / np.maximum(n, 1.0)[:, None]


def _shift(hours: VectorHours, weights: Floats, means: Floats) -> tuple[Floats, Floats]:
    """Clusters without a vector in an hour are left out of it; rare ones widen what it can say."""
    w = np.where(hours.n > 0, weights[None, :], 0.0)
    w /= np.maximum(w.sum(axis=1, keepdims=True), 1e-12)
    moved = hours.total / np.maximum(hours.n, 1.0)[:, :, None] - means[None, :, :]
    s = np.einsum("hk,hkd->hd", w, np.where(hours.n[:, :, None] > 0, moved, 0.0))
    size = 1.0 / np.maximum((w**2 / np.maximum(hours.n, 1.0)).sum(axis=1), 1e-12)
    return s, size


def _inverse(s: Floats, size: Floats) -> Floats:
    scaled = s * np.sqrt(size)[:, None]
    covariance = scaled.T @ scaled / max(1, s.shape[0])
    ridge = 0.05 * float(np.trace(covariance)) / covariance.shape[0] + 1e-12
    found: Floats = np.linalg.inv(covariance + ridge * np.eye(covariance.shape[0]))
    return found


def _log_t2(s: Floats, size: Floats, inverse: Floats) -> Floats:
    t2 = size * np.einsum("hd,de,he->h", s, inverse, s)
    found: Floats = np.log(np.maximum(t2, 1e-12))
    return found

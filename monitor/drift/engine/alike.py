"""Which vectors of now are most typical of what moved: along the shift, of the group that grew, or unlike any. Pure."""

import numpy as np

from monitor.core.stats import Floats, Ints
from monitor.drift.engine.vectors import Clusters, squares_apart

# a vector far from all clusters has company when so many others lie near it
COMPANY = 5
# every pair of them is looked at
MOST_FAR = 1_000


def along_shift(before: Floats, now: Floats, clusters: Clusters) -> tuple[Floats, Floats]:
    """How far each vector of both sides lies in the direction of the shift at fixed mix, in radii of a cluster."""
    (old, _), (new, _) = clusters.nearest(before), clusters.nearest(now)
    size = clusters.centres.shape[0]
    n_old, n_new = (np.bincount(one, minlength=size) for one in (old, new))
    was, is_ = _means(before, old, size), _means(now, new, size)
    weight = np.where((n_old > 0) & (n_new > 0), n_old, 0)
    shift = (weight[:, None] * (is_ - was)).sum(axis=0)
    direction = shift / max(float(np.linalg.norm(shift)), 1e-12)
    centre = np.where(n_old[:, None] > 0, was, clusters.centres)
    radius = max(clusters.radius, 1e-12)
    return (before - centre[old]) @ direction / radius, (now - centre[new]) @ direction / radius


def in_group(vectors: Floats, clusters: Clusters, group: int) -> tuple[Floats, Floats]:
    """1 for each vector of a group of clusters, and how near it lies to its centre (the nearest: 0)."""
    label, distance = clusters.nearest(vectors)
    inside = clusters.group[label] == group
    return inside.astype(np.float64), np.where(inside, -distance, -np.inf)


def grown_group(before: Floats, now: Floats, clusters: Clusters) -> int:
    """The group of clusters whose share grew most."""
    size = int(clusters.group.max()) + 1
    shares = [
        np.bincount(clusters.group[clusters.nearest(one)[0]], minlength=size) / max(1, len(one))
        for one in (before, now)
    ]
    return int(np.argmax(shares[1] - shares[0]))


def far(vectors: Floats, clusters: Clusters) -> tuple[Floats, Floats]:
    """1 for each vector far from its cluster; and how much company a far one has among the other far ones."""
    label, distance = clusters.nearest(vectors)
    unlike = distance > clusters.far[label]
    rank = np.full(len(vectors), -np.inf)
    places: Ints = np.flatnonzero(unlike)[:MOST_FAR]
    if places.size:
        chosen = vectors[places]
        rank[places] = -np.sort(squares_apart(chosen, chosen), axis=1)[:, : COMPANY + 1].mean(axis=1)
    return unlike.astype(np.float64), rank


def _means(vectors: Floats, label: Ints, size: int) -> Floats:
    total = np.zeros((size, vectors.shape[1]))
    np.add.at(total, label, vectors)
    found: Floats = total / np.maximum(np.bincount(label, minlength=size), 1)[:, None]
    return found

"""Pure: prompts that mean alike, as a dimension: k-means over their vectors."""

import numpy as np
import numpy.typing as npt

from monitor.changes.tables import Ints

CLUSTERS = 12
ROUNDS = 12
# fewer vectors than that tell no groups apart
LEAST = 120


def clusters(vectors: npt.NDArray[np.float32], *, most: int = CLUSTERS, seed: int = 0) -> Ints:
    """The cluster of each vector, 1 and up; the same vectors always give the same."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    points = vectors / np.maximum(lengths, 1e-12)
    rng = np.random.default_rng(seed)
    centres = _spread(points, min(most, len(points)), rng)
    mine = np.zeros(len(points), dtype=np.int64)
    for _ in range(ROUNDS):
        mine = np.argmax(points @ centres.T, axis=1)
        sums = np.zeros_like(centres)
        np.add.at(sums, mine, points)
        sizes = np.linalg.norm(sums, axis=1, keepdims=True)
        centres = np.where(sizes > 0, sums / np.maximum(sizes, 1e-12), centres)
    return mine + 1


def _spread(points: npt.NDArray[np.float32], count: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """First centres far from each other (k-means++)."""
    chosen = [points[int(rng.integers(len(points)))]]
    near = 1.0 - points @ chosen[0]
    while len(chosen) < count:
        weights = np.maximum(near, 0.0) ** 2
        total = float(weights.sum())
        place = (
            int(rng.choice(len(points), p=weights / total)) if total > 0 else int(rng.integers(len(points)))
        )
        chosen.append(points[place])
        near = np.minimum(near, 1.0 - points @ chosen[-1])
    return np.array(chosen)

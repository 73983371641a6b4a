"""Histograms with the observations beyond a value cut off, as the ``</`` and ``>/`` operators do.

The bucket that holds the value is split as quantiles split it; of a bucket without an end nobody knows how its
observations lie, so it is mostly kept or dropped whole. The sum is estimated anew from the middles of what stays.
"""

from dataclasses import dataclass, replace

import numpy as np

from monitor.core.histograms import Floats, HistogramBlock, upper_bounds


@dataclass(frozen=True, slots=True)
class _Side:
    """Buckets above or below zero: bounds (K,), counts (m, K)."""

    lower: Floats
    upper: Floats
    counts: Floats
    positive: bool
    linear: bool


def trimmed(block: HistogramBlock, at: Floats, *, above: bool) -> HistogramBlock:
    """Each row without its observations above (or below) its value of ``at``."""
    schema, bounds = block.schema, block.custom_bounds
    with np.errstate(all="ignore"):
        up = _Side(
            upper_bounds(block.positive_index - 1, schema, bounds),
            upper_bounds(block.positive_index, schema, bounds),
            block.positive,
            positive=True,
            linear=block.custom,
        )
        down = _Side(
            -upper_bounds(block.negative_index, schema, bounds),
            -upper_bounds(block.negative_index - 1, schema, bounds),
            block.negative,
            positive=False,
            linear=block.custom,
        )
        positive, positive_sum = _kept(up, at, above=above)
        negative, negative_sum = _kept(down, at, above=above)
        zero, zero_sum = _zero_kept(block, at, above=above)
    changed = (
        (positive != block.positive).any(axis=1)
        | (negative != block.negative).any(axis=1)
        | (zero != block.zero)
    )
    count = positive.sum(axis=1) + negative.sum(axis=1) + zero
    return replace(
        block,
        count=np.where(changed, count, block.count),
        total=np.where(changed, positive_sum + negative_sum + zero_sum, block.total),
        zero=zero,
        positive=positive,
        negative=negative,
    )


def _kept(side: _Side, at: Floats, *, above: bool) -> tuple[Floats, Floats]:
    """What stays in each bucket, and the estimated sum of it per row."""
    counts, value = side.counts, at[:, None]
    if not counts.size:
        return counts, np.zeros(len(counts))
    lower, upper = side.lower[None, :], side.upper[None, :]
    whole = (upper <= value) if above else (lower >= value)
    split = ~whole & ((lower < value) if above else (upper > value))
    middle = np.broadcast_to(_middle(lower, upper, side), counts.shape)
    part, part_middle = _part(side, value, above=above)
    kept = np.where(counts == 0, 0.0, np.where(whole, counts, np.where(split, part, 0.0)))
    weight = np.where(whole, middle, part_middle)
    return kept, np.where(kept != 0, weight * kept, 0.0).sum(axis=1)


def _part(side: _Side, value: Floats, *, above: bool) -> tuple[Floats, Floats]:
    """Count and middle of what stays of the bucket that holds the value."""
    lower, upper = side.lower[None, :], side.upper[None, :]
    if side.linear:
        share = (value - lower) / (upper - lower)
    else:
        low, high, here = np.log2(np.abs(lower)), np.log2(np.abs(upper)), np.log2(np.abs(value))
        share = (here - low) / (high - low) if side.positive else 1 - (here - high) / (low - high)
    under = side.counts * np.clip(share, 0.0, 1.0)
    kept = under if above else side.counts - under
    middle = _middle(lower, value, side) if above else _middle(value, upper, side)
    endless = np.isinf(lower) | np.isinf(upper)
    if not endless.any():
        return kept, middle
    rest, rest_middle = _endless(side, value, above=above)
    return np.where(endless, rest, kept), np.where(endless, rest_middle, middle)


def _endless(side: _Side, value: Floats, *, above: bool) -> tuple[Floats, Floats]:
    """The same for buckets of which one bound is infinite; an upper one settles it, if the lower is finite."""
    lower, upper, counts = side.lower[None, :], side.upper[None, :], side.counts
    nothing, flat = np.zeros(np.broadcast_shapes(value.shape, counts.shape)), np.zeros_like(value)
    finite_upper, finite_lower = np.where(np.isinf(upper), 0.0, upper), np.where(np.isinf(lower), 0.0, lower)
    bottomless = np.isneginf(lower)
    # custom buckets hold what is above zero, unless their bounds say otherwise
    from_zero = np.isfinite(upper) & (upper > value)
    if above:
        from_zero = from_zero & (value > 0)
        low = np.where(from_zero, counts * value / upper, np.where(upper <= 0, counts, 0.0))
        low_middle = np.where(from_zero, value / 2, np.where(upper <= 0, value, finite_upper))
        high, high_middle = nothing, finite_lower + flat
    else:
        from_zero = from_zero & (value >= 0)
        low = np.where(from_zero, counts * (1 - value / upper), 0.0)
        low_middle = np.where(from_zero, (value + upper) / 2, finite_upper)
        beyond = value >= lower
        high, high_middle = np.where(beyond, counts, 0.0), np.where(beyond, value, finite_lower)
    return np.where(bottomless, low, high), np.where(bottomless, low_middle, high_middle)


def _middle(lower: Floats, upper: Floats, side: _Side) -> Floats:
    """Where the observations between two values lie on average."""
    if side.linear:
        inner = (lower + upper) / 2
    else:
        inner = np.sqrt(np.abs(lower * upper)) * (1.0 if side.positive else -1.0)
    bottomless = np.where(np.isinf(upper), 0.0, np.where(upper > 0, upper / 2, upper))
    return np.asarray(np.where(np.isinf(lower), bottomless, np.where(np.isinf(upper), lower, inner)))


def _zero_kept(block: HistogramBlock, at: Floats, *, above: bool) -> tuple[Floats, Floats]:
    """The same for the zero bucket, which is one-sided where all other observations lie on one side."""
    up, down = (block.positive != 0).any(axis=1), (block.negative != 0).any(axis=1)
    edge = block.zero_threshold
    lower, upper = np.where(up & ~down, 0.0, -edge), np.where(down & ~up, 0.0, edge)
    inside = (at > lower) & (at < upper)
    whole = (at >= upper) & (at > lower) if above else at <= lower
    share = ((at - lower) if above else (upper - at)) / (upper - lower)
    kept = np.where(whole, block.zero, np.where(inside, block.zero * share, 0.0))
    near = (lower + at) / 2 if above else (at + upper) / 2
    middle = np.where(whole, (lower + upper) / 2, near)
    return kept, np.where(kept != 0, middle * kept, 0.0)

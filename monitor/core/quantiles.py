"""What a histogram says about its observations: quantiles, fractions, variance. Column-wise, no loops over rows.

Exponential buckets are interpolated on a logarithmic scale, the zero bucket and custom buckets linearly,
as Prometheus does.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitor.core.histograms import Floats, HistogramBlock, upper_bounds

Flags = npt.NDArray[np.bool_]


@dataclass(slots=True)
class _Buckets:
    """All buckets in ascending order; ``lower``/``upper`` are (K,), counts (m, K), ``zero`` a column or -1."""

    counts: Floats
    lower: Floats
    upper: Floats
    zero: int


def _buckets(block: HistogramBlock) -> _Buckets:
    if block.custom:
        index, bounds = block.positive_index, block.custom_bounds
        upper, lower = (
            upper_bounds(index, block.schema, bounds),
            upper_bounds(index - 1, block.schema, bounds),
        )
        return _Buckets(block.positive, lower, upper, -1)
    down = block.negative_index[::-1]
    up = block.positive_index
    edge = np.array([block.zero_threshold])
    counts = np.concatenate([block.negative[:, ::-1], block.zero[:, None], block.positive], axis=1)
    lower = np.concatenate([-upper_bounds(down, block.schema), -edge, upper_bounds(up - 1, block.schema)])
    upper = np.concatenate([-upper_bounds(down - 1, block.schema), edge, upper_bounds(up, block.schema)])
    return _Buckets(counts, lower, upper, len(down))


def _zero_sides(block: HistogramBlock) -> tuple[Floats, Floats]:
    """The zero bucket's bounds per row: one-sided where all other observations lie on one side."""
    above = (block.positive != 0).any(axis=1)
    below = (block.negative != 0).any(axis=1)
    edge = block.zero_threshold
    return np.where(above & ~below, 0.0, -edge), np.where(below & ~above, 0.0, edge)


@dataclass(slots=True)
class Quantiles:
    """``nan_result``/``skewed`` mark rows whose NaN observations spoil the answer."""

    values: Floats
    nan_result: Flags
    skewed: Flags


def quantile(block: HistogramBlock, q: Floats) -> Quantiles:
    """The q-quantile of each row; q has one value per row."""
    with np.errstate(all="ignore"):
        buckets = _buckets(block)
        rows = len(block)
        values = np.full(rows, np.nan)
        nan_result, skewed = np.zeros(rows, dtype=bool), np.zeros(rows, dtype=bool)
        values[q < 0], values[q > 1] = -np.inf, np.inf
        valid = (q >= 0) & (q <= 1) & (block.count != 0)
        has_nan = np.isnan(block.total)
        forward = valid & (has_nan | (q < 0.5))
        for mask, is_forward in ((forward, True), (valid & ~forward, False)):
            if mask.any():
                whole = mask.all()
                part = block if whole else block.take(mask)
                chosen = buckets.counts if whole else buckets.counts[mask]
                found, missed = _located(part, buckets, chosen, q if whole else q[mask], forward=is_forward)
                values[mask] = np.where(missed & has_nan[mask], np.nan, found)
                nan_result[mask] = missed & has_nan[mask]
        if has_nan.any():
            short = buckets.counts.sum(axis=1) < block.count
            skewed = valid & has_nan & ~nan_result & short
        return Quantiles(values, nan_result, skewed)


def _located(
    block: HistogramBlock, buckets: _Buckets, counts: Floats, q: Floats, *, forward: bool
) -> tuple[Floats, Flags]:
    """The value at each quantile, and whether the buckets ran out before it."""
    rows, width = counts.shape
    if width == 0:
        return np.zeros(rows), np.ones(rows, dtype=bool)
    share = q if forward else 1 - q
    rank = share * block.count
    oriented = counts if forward else counts[:, ::-1]
    running = np.cumsum(oriented, axis=1)
    reached = running >= rank[:, None]
    # an empty bucket never holds the rank; only rank 0 could stop at one
    if (rank <= 0).any():
        reached &= oriented != 0
    column = reached.argmax(axis=1)
    row = np.arange(rows)
    missed = ~reached[row, column]
    if missed.any():
        last = width - 1 - (oriented[:, ::-1] != 0).argmax(axis=1)
        column = np.where(missed, last, column)
    seen = np.minimum(running[row, column], block.count)
    inside = oriented[row, column]
    missed = seen < rank
    if not forward:
        column = width - 1 - column
    rank = rank - (seen - inside) if forward else seen - rank
    values = _interpolated(block, buckets, column, rank / inside)
    return np.where(missed, buckets.upper[column], values), missed


def _interpolated(
    block: HistogramBlock, buckets: _Buckets, column: npt.NDArray[np.int64], fraction: Floats
) -> Floats:
    lower, upper = buckets.lower[column], buckets.upper[column]
    if block.custom:
        values = np.where(lower == -np.inf, 0.0, lower)
        values = values + (upper - values) * fraction
        values = np.where((lower == -np.inf) & (upper <= 0), upper, values)
        return np.where((upper == np.inf) & (lower != -np.inf), lower, values)
    at_zero = column == buckets.zero
    log_lower, log_upper = np.log2(np.abs(lower)), np.log2(np.abs(upper))
    up = np.exp2(log_lower + (log_upper - log_lower) * fraction)
    if buckets.zero > 0:
        down = -np.exp2(log_upper + (log_lower - log_upper) * (1 - fraction))
        up = np.where(lower > 0, up, down)
    if not at_zero.any():
        return up
    zero_lower, zero_upper = _zero_sides(block)
    return np.where(at_zero, zero_lower + (zero_upper - zero_lower) * fraction, up)


@dataclass(slots=True)
class Fractions:
    """``excluded`` marks rows with NaN observations, which belong to no fraction."""

    values: Floats
    excluded: Flags


def fraction(block: HistogramBlock, lower: Floats, upper: Floats) -> Fractions:
    """The share of observations between the bounds (one pair per row)."""
    with np.errstate(all="ignore"):
        buckets = _buckets(block)
        inside = buckets.counts.sum(axis=1)
        has_nan = np.isnan(block.total)
        count = np.where(has_nan, inside, block.count)
        below = _rank(block, buckets, lower, count)
        above = _rank(block, buckets, upper, count)
        values = np.where(lower >= upper, 0.0, (above - below) / block.count)
        values[(block.count == 0) | np.isnan(lower) | np.isnan(upper)] = np.nan
        return Fractions(values, has_nan & (inside < block.count))


def _rank(block: HistogramBlock, buckets: _Buckets, at: Floats, count: Floats) -> Floats:
    """How many observations lie below ``at``, estimated."""
    lower = np.broadcast_to(buckets.lower, buckets.counts.shape)
    upper = np.broadcast_to(buckets.upper, buckets.counts.shape)
    if buckets.zero >= 0:
        lower, upper = lower.copy(), upper.copy()
        lower[:, buckets.zero], upper[:, buckets.zero] = _zero_sides(block)
    value = at[:, None]
    if block.custom:
        # the first bucket starts at 0, unless it reaches below
        lower = np.where((lower == -np.inf) & (upper > 0), 0.0, lower)
        share = np.where(lower == -np.inf, 1.0, (value - lower) / (upper - lower))
    else:
        log_lower, log_upper, log_value = (
            np.log2(np.abs(lower)),
            np.log2(np.abs(upper)),
            np.log2(np.abs(value)),
        )
        share = np.where(
            value > 0,
            (log_value - log_lower) / (log_upper - log_lower),
            1 - (log_value - log_upper) / (log_lower - log_upper),
        )
        zero = buckets.zero
        share[:, zero] = ((value - lower) / (upper - lower))[:, zero]
    partly = (lower < value) & (upper > value)
    rank = np.where(upper <= value, buckets.counts, np.where(partly, buckets.counts * share, 0.0)).sum(axis=1)
    populated = buckets.counts != 0
    beyond = ~(populated & (upper > value)).any(axis=1)
    return np.where(beyond, count, np.minimum(rank, count))


def variance(block: HistogramBlock) -> Floats:
    """The estimated variance of each row's observations, every one placed in its bucket's middle."""
    with np.errstate(all="ignore"):
        buckets = _buckets(block)
        if block.custom:
            middle = (buckets.upper + buckets.lower) / 2
        else:
            middle = np.sqrt(buckets.upper * buckets.lower)
            middle = np.where(buckets.upper < 0, -middle, middle)
            middle[buckets.zero] = 0.0
        mean = block.total / block.count
        away = middle[None, :] - mean[:, None]
        terms = np.where(buckets.counts == 0, 0.0, buckets.counts * away * away)
        return np.asarray(terms.sum(axis=1) / block.count)

"""Numbers and histograms as Prometheus writes them."""

from decimal import Decimal

import numpy as np

from monitor.core.histograms import HistogramBlock, upper_bounds

_SPECIAL = {"inf": "+Inf", "-inf": "-Inf", "nan": "NaN"}


def number_text(value: float) -> str:
    """The shortest exact decimal, without an exponent."""
    text = repr(value)
    if text in _SPECIAL:
        return _SPECIAL[text]
    if "e" in text:
        return format(Decimal(text), "f")
    return text.removesuffix(".0")


def api_number(value: float) -> str:
    """As number_text, but with an exponent below 1e-6 and from 1e21 on, as the HTTP API does."""
    text = repr(value)
    if "e" not in text:
        return _SPECIAL.get(text) or text.removesuffix(".0")
    if value != 0 and not 1e-6 <= abs(value) < 1e21:
        return text
    return format(Decimal(text), "f")


def bucket_list(block: HistogramBlock, row: int) -> list[tuple[int, float, float, float]]:
    """The populated buckets of one histogram, ascending: (rule, lower, upper, count).

    Rule 0: open left, closed right; 1: closed left, open right; 3: closed on both sides.
    """
    if block.custom:
        return _side(block, row, mirrored=False)
    zero = (3, -block.zero_threshold, block.zero_threshold, float(block.zero[row]))
    middle = [zero] if block.zero[row] != 0 else []
    return [*_side(block, row, mirrored=True), *middle, *_side(block, row, mirrored=False)]


def _side(block: HistogramBlock, row: int, *, mirrored: bool) -> list[tuple[int, float, float, float]]:
    """The buckets above or (mirrored) below the zero bucket, ascending."""
    index, counts = (
        (block.negative_index, block.negative[row])
        if mirrored
        else (block.positive_index, block.positive[row])
    )
    columns = np.flatnonzero(counts)
    upper = upper_bounds(index[columns], block.schema, block.custom_bounds).tolist()
    lower = upper_bounds(index[columns] - 1, block.schema, block.custom_bounds).tolist()
    found = zip(index[columns].tolist(), lower, upper, counts[columns].tolist(), strict=True)
    if mirrored:
        return [(1, -high, -low, count) for _, low, high, count in found][::-1]
    return [(3 if block.custom and place == 0 else 0, low, high, count) for place, low, high, count in found]

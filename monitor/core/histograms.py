"""Native (exponential) histograms in columns: many samples of one series, one layout, one matrix.

Source: Prometheus native histogram specification. Schema s has bounds 2**(i/2**s); bucket i holds
(2**((i-1)/2**s), 2**(i/2**s)]. Schema -53 means custom bounds (an "NHCB").
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

CUSTOM_SCHEMA = -53
DEFAULT_ZERO_THRESHOLD = 2.0**-128


def _no_index() -> Ints:
    return np.empty(0, dtype=np.int64)


@dataclass(slots=True)
class HistogramRun:
    """n consecutive histogram samples of one series that share schema, zero threshold and custom bounds.

    Shapes: times, count, total, zero (n,); positive (n, len(positive_index)); negative likewise. Counts are
    absolute per bucket (never deltas to neighbours). Bucket columns are in ascending index order.
    ``gauge`` marks histograms that may go down (no counter resets are looked for).
    """

    times: Ints
    count: Floats
    total: Floats
    zero: Floats
    schema: int = 5
    zero_threshold: float = DEFAULT_ZERO_THRESHOLD
    positive_index: Ints = field(default_factory=_no_index)
    positive: Floats = field(default_factory=lambda: np.empty((0, 0)))
    negative_index: Ints = field(default_factory=_no_index)
    negative: Floats = field(default_factory=lambda: np.empty((0, 0)))
    custom_bounds: tuple[float, ...] = ()
    gauge: bool = False


def bucket_index(values: Floats, schema: int) -> Ints:
    """The bucket of each positive value under ``schema``: the least i with value <= 2**(i/2**schema)."""
    mantissa, exponent = np.frexp(values)
    bounds = np.exp2(np.arange(2**schema) / 2**schema - 1.0)
    # frexp gives mantissa in [0.5, 1): bounds[0] == 0.5 is the upper edge of the octave below
    inside = np.searchsorted(bounds, mantissa, side="left")
    index: Ints = (exponent.astype(np.int64) - 1) * 2**schema + inside
    return index

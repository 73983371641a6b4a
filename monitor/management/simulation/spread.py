"""How simulated durations spread: log-normal shares, told as a classic histogram. Pure."""

import math
from collections.abc import Iterator, Sequence

from monitor.management.simulation.cards import Sample


def share_below(bound: float, median: float, sigma: float) -> float:
    """The share of a log-normal that lies below the bound."""
    return 1.0 if bound == math.inf else 0.5 * (1 + math.erf(math.log(bound / median) / sigma / math.sqrt(2)))


def histogram(
    name: str, labels: dict[str, str], bounds: Sequence[float], seconds: float, within: Sequence[float]
) -> Iterator[Sample]:
    """The buckets, the count and the sum; ``within``: how many lie below each bound."""
    for bound, count in zip(bounds, within, strict=True):
        edge = "+Inf" if bound == math.inf else str(bound)
        yield {"__name__": f"{name}_bucket", **labels, "le": edge}, count
    yield {"__name__": f"{name}_count", **labels}, within[-1]
    yield {"__name__": f"{name}_sum", **labels}, round(seconds, 3)

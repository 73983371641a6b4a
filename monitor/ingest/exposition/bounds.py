"""Bounds of buckets and quantiles as label values: whatever a page writes, they are stored as Prometheus 3 does."""

import math
from decimal import Decimal

# the label that holds a number, by the type of the family
LABELS = {"histogram": "le", "gaugehistogram": "le", "summary": "quantile"}


def normal(label: str, pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The pairs with the bound in that label rewritten."""
    return [(name, _rewritten(value) if name == label else value) for name, value in pairs]


def _rewritten(text: str) -> str:
    try:
        return written(float(text)) if "_" not in text else text
    except ValueError:
        return text


def written(value: float) -> str:
    """As Prometheus 3 writes it: 1 becomes 1.0, a million 1e+06."""
    if not math.isfinite(value):
        return "+Inf" if value > 0 else "-Inf" if value < 0 else "NaN"
    exact = Decimal(repr(value)).normalize()
    if value == 0 or -4 <= exact.adjusted() < 6:
        text = f"{exact:f}"
        return text if "." in text else f"{text}.0"
    digits = "".join(map(str, exact.as_tuple().digits))
    fraction = f".{digits[1:]}" if len(digits) > 1 else ""
    sign = "-" if value < 0 else ""
    return f"{sign}{digits[0]}{fraction}e{exact.adjusted():+03d}"

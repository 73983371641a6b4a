"""The functions of the language, one file per family. A decorated function with a one-line docstring is all
it takes: arrays in, arrays out; the docstring is the help text.
"""

from monitor.promql.functions import (
    clock,
    elementwise,
    histograms,
    info,
    labels,
    over_time,
    rates,
    sorting,
    trends,
    trig,
)
from monitor.promql.functions.registry import FUNCTIONS, Function

__all__ = [
    "FUNCTIONS",
    "Function",
    "clock",
    "elementwise",
    "histograms",
    "info",
    "labels",
    "over_time",
    "rates",
    "sorting",
    "trends",
    "trig",
]

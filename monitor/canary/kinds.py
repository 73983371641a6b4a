"""What a gate can be about, with tolerances as effect sizes. Pure.

``ratio``: events among calls; worse when the canary's rate exceeds ``tolerance`` times stable's, good when it is
shown to be less than ``margin`` times it. ``tail``: calls beyond stable's own quantile, read the same way.
``mean``: a difference (of logarithms, so a share; points for scores). ``told``: a difference and its variance, read
from series. ``asked``: what a series says.
"""

from dataclasses import dataclass
from typing import Literal

Way = Literal["ratio", "tail", "mean", "told", "asked"]
Scale = Literal["times", "percent", "points", "condition"]


@dataclass(frozen=True, slots=True)
class GateKind:
    """``source``: what of a call it reads. ``prior``: the size of effect that evidence is tuned to.

    ``alone``: without it a gate can hold a release up, and neither fail nor pass it by itself.
    """

    name: str
    label: str
    way: Way
    source: str = ""
    tolerance: float = 0.0
    margin: float = 0.0
    q: float = 0.0
    prior: float = 0.05
    more_is_worse: bool = True
    # buckets joined for what is measured seldom
    width: int = 1
    # a rate shown to be below this is good whatever stable does
    harmless: float = 0.0
    needs_about: str = ""
    alone: bool = True

    @property
    def scale(self) -> Scale:
        match self.way:
            case "ratio" | "tail":
                return "times"
            case "mean":
                return "points" if self.source == "judge" else "percent"
            case "told":
                return "points"
            case "asked":
                return "condition"


def _ratio(name: str, label: str, source: str, about: str = "", *, harmless: float = 0.0005) -> GateKind:
    return GateKind(
        name, label, "ratio", source, 1.25, 2.0, harmless=harmless, needs_about=about,
    )  # fmt: skip


def _tail(name: str, label: str, source: str, q: float) -> GateKind:
    return GateKind(name, label, "tail", source, 1.25, 2.0, q=q)


def _mean(name: str, label: str, source: str, *, more_is_worse: bool = True) -> GateKind:
    return GateKind(name, label, "mean", source, 0.03, 0.10, more_is_worse=more_is_worse)


KINDS = {
    kind.name: kind
    for kind in (
        _ratio("error_ratio", "errors", "error"),
        _ratio("ungrounded_ratio", "answers that ignore their context", "ungrounded", harmless=0.005),
        _ratio("finish_reason", "answers that end so", "finish", "the finish reason, such as content_filter"),
        _ratio("business_rule", "broken business rules", "rule", "the name of the rule's score"),
        # at q = 0 the quantile is chosen by the traffic: the highest of which enough calls are to be expected
        _tail("latency_tail", "slowest calls", "duration", 0.0),
        _tail("latency_p50", "p50 latency", "duration", 0.5),
        _tail("latency_p95", "p95 latency", "duration", 0.95),
        _tail("latency_p99", "p99 latency", "duration", 0.99),
        _tail("ttft_p50", "p50 time to first token", "ttft", 0.5),
        _tail("ttft_p95", "p95 time to first token", "ttft", 0.95),
        _tail("ttft_p99", "p99 time to first token", "ttft", 0.99),
        _mean("latency_mean", "mean latency", "duration"),
        _mean("ttft_mean", "mean time to first token", "ttft"),
        _mean("tokens_per_second", "tokens per second", "speed", more_is_worse=False),
        _mean("cost", "cost of a call", "cost"),
        GateKind(
            "judge_score",
            "judge score",
            "mean",
            "judge",
            0.05,
            0.15,
            prior=0.15,
            more_is_worse=False,
            width=12,
        ),
        GateKind(
            "quality_rate",
            "corrected quality",
            "told",
            tolerance=0.05,
            margin=0.10,
            prior=0.1,
            more_is_worse=False,
        ),
        # its promise is a number of false pages in three months, not a chance over a release
        GateKind("drift", "drift", "asked", alone=False),
        GateKind("promql", "PromQL condition", "asked", needs_about="what the condition is called"),
    )
}

# what a release has unless somebody says otherwise: (kind, whether it must be shown to be good)
USUAL = (
    ("error_ratio", True), ("latency_tail", True), ("latency_mean", False), ("ttft_mean", False),
    ("judge_score", False),
)  # fmt: skip


def choices() -> list[tuple[str, str]]:
    """For the model field: a callable, so that a new kind makes no migration."""
    return [(kind.name, kind.label) for kind in KINDS.values()]

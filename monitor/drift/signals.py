"""What the engine watches of every model version: the signals it always has, and the attributes that people name."""

from dataclasses import dataclass
from typing import Literal

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Way = Literal["mean", "share", "rate", "beyond", "wording", "mix", "novelty"]
HOUR = 3600
FIVE_MINUTES = 300
# attributes of calls: a number is told from a word by what it mostly holds
NUMBER, CATEGORY = "number:", "category:"


@dataclass(frozen=True, slots=True)
class SignalKind:
    """``source``: which sums of an hour. ``by``: one stream per value of that dimension.

    ``floor``: the least effect worth a page. ``scale``: how an effect is said (percent: of logarithms; deviations:
    in standard deviations of the reference).
    ``worse``: the one direction that pages; empty for both. ``match``: like hours (season) or like load. ``input``: the users make it, whatever the version.
    """

    name: str
    label: str | Promise
    way: Way
    source: str
    floor: float
    scale: Literal["percent", "points", "score", "ratio", "radius", "deviations"]
    match: Literal["season", "load"] = "season"
    input: bool = False
    by: str = ""
    q: float = 0.0
    worse: Literal["", "up", "down"] = ""

    @property
    def tick(self) -> int:
        """Seconds between two looks."""
        return FIVE_MINUTES if self.way in {"rate", "beyond"} else HOUR

    @property
    def seal(self) -> int:
        """Seconds after the end of a tick when it is closed: late calls count until then."""
        if self.source == "judge":
            return 3600
        if self.part == "vectors":
            return 1800
        return 120 if self.tick == FIVE_MINUTES else 600

    @property
    def part(self) -> str:
        """Which sketch it is read from."""
        if self.way in {"wording", "mix", "novelty"}:
            return "vectors"
        return "scores" if self.source == "judge" else "calls"


SIGNALS = {
    one.name: one
    for one in (
        SignalKind("prompt_length", _("prompt length"), "mean", "prompt_length", 0.1, "percent", input=True),
        SignalKind("output_length", _("output length"), "mean", "output_length", 0.1, "percent"),
        SignalKind("language", _("language"), "share", "language", 0.03, "points", input=True),
        SignalKind("topic", _("topic"), "share", "topic", 0.03, "points", input=True),
        SignalKind("tenant", _("tenant"), "share", "tenant", 0.03, "points", input=True),
        SignalKind("finish_reason", _("finish reason"), "share", "finish_reason", 0.03, "points"),
        SignalKind("grounding", _("use of the documents"), "share", "grounding", 0.02, "points"),
        SignalKind("prompt_length_by_tenant", _("prompt length by tenant"), "mean", "prompt_length", 0.1,
                   "percent", input=True, by="tenant"),
        SignalKind("prompt_length_by_topic", _("prompt length by topic"), "mean", "prompt_length", 0.1,
                   "percent", input=True, by="topic"),
        SignalKind("prompt_length_by_route", _("prompt length by route"), "mean", "prompt_length", 0.1,
                   "percent", input=True, by="route"),
        SignalKind("latency", _("latency at equal load"), "mean", "latency", 0.1, "percent", "load", worse="up"),
        SignalKind("ttft", _("time to first token at equal load"), "mean", "ttft", 0.1, "percent", "load", worse="up"),
        SignalKind("tokens_per_second", _("tokens per second at equal load"), "mean", "tokens_per_second", 0.1,
                   "percent", "load", worse="down"),
        SignalKind("latency_p95", _("latency beyond its p95"), "beyond", "latency", 1.3, "ratio", "load",
                   q=0.95),
        SignalKind("latency_p99", _("latency beyond its p99"), "beyond", "latency", 1.5, "ratio", "load",
                   q=0.99),
        SignalKind("error_rate", _("error rate"), "rate", "errors", 1.5, "ratio"),
        SignalKind("refusal_rate", _("refusals"), "rate", "refusals", 1.5, "ratio"),
        SignalKind("judge_score", _("judge score"), "mean", "judge", 0.05, "score"),
        SignalKind("token_logprob", _("token log-probability"), "mean", "logprob", 0.05, "score"),
        SignalKind("retrieval_score", _("best retrieval score"), "mean", "retrieval", 0.2, "deviations"),
        SignalKind("prompt_embedding", _("wording of prompts"), "wording", "prompt", 1.0, "radius", input=True),
        SignalKind("prompt_mix", _("mix of prompts"), "mix", "prompt", 0.03, "points", input=True),
        SignalKind("prompt_novelty", _("prompts unlike any before"), "novelty", "prompt", 0.02, "points",
                   input=True),
        SignalKind("output_embedding", _("wording of answers"), "wording", "output", 1.0, "radius"),
        SignalKind("output_mix", _("mix of answers"), "mix", "output", 0.03, "points"),
        SignalKind("output_novelty", _("answers unlike any before"), "novelty", "output", 0.02, "points"),
    )
}  # fmt: skip


def kind_of(name: str) -> SignalKind:
    """One of the above, or the signal of an attribute (``number:temperature``, ``category:region``)."""
    found = SIGNALS.get(name)
    if found is not None:
        return found
    attribute = name.partition(":")[2]
    if name.startswith(NUMBER):
        return SignalKind(name, attribute, "mean", name, 0.2, "deviations")
    if name.startswith(CATEGORY):
        return SignalKind(name, attribute, "share", name, 0.03, "points")
    raise KeyError(name)


def choices() -> list[tuple[str, str | Promise]]:
    return [(one.name, one.label) for one in SIGNALS.values()]

"""What can be watched about the calls of a model version."""

from dataclasses import dataclass
from typing import Literal

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from monitor.drift.signals import CATEGORY, NUMBER

Kind = Literal["numbers", "categories", "vectors"]
Origin = Literal["calls", "beside", "marks", "vectors"]


@dataclass(frozen=True, slots=True)
class Feature:
    """``source``: a column of the calls, what lies beside them, or whose vectors. ``input``: the users make it.

    ``origin``: columns of the calls themselves; what lies beside a sample of them (documents, attributes); the
    marks of judges; vectors. ``least``: smaller numbers are taken for it, since their logarithms say nothing;
    None: a number of any sign, compared as it is.
    """

    name: str
    label: str | Promise
    kind: Kind
    source: str
    input: bool
    detector: str
    least: float | None = 0.5
    origin: Origin = "calls"


class UnknownFeatureError(LookupError):
    """Nothing of this name can be watched; names what can."""

    def __init__(self, name: str) -> None:
        known = ", ".join((*FEATURES, f"{NUMBER}NAME", f"{CATEGORY}NAME"))
        super().__init__(f"nothing called {name!r} can be watched; known are {known}")


def _length(name: str, label: str | Promise, column: str, *, users: bool) -> Feature:
    return Feature(name, label, "numbers", column, users, "wasserstein")


def _time(name: str, label: str | Promise, column: str) -> Feature:
    return Feature(name, label, "numbers", column, input=False, detector="wasserstein", least=1e-3)


def _words(
    name: str, label: str | Promise, column: str, *, users: bool = False, origin: Origin = "calls"
) -> Feature:
    return Feature(name, label, "categories", column, users, "jensen_shannon", origin=origin)


def _score(name: str, label: str | Promise, source: str, origin: Origin) -> Feature:
    return Feature(
        name, label, "numbers", source, input=False, detector="wasserstein", least=None, origin=origin
    )


def _vectors(name: str, label: str | Promise, text: str, *, users: bool) -> Feature:
    return Feature(name, label, "vectors", text, users, "embedding_distance", origin="vectors")


FEATURES = {
    one.name: one
    for one in (
        _length("prompt_length", _("prompt length"), "input_tokens", users=True),
        _length("output_length", _("output length"), "output_tokens", users=False),
        _words("language", _("language"), "language", users=True),
        _words("topic", _("topic"), "topic", users=True),
        _words("tenant", _("tenant"), "tenant", users=True),
        _words("route", _("route"), "route", users=True),
        _words("finish_reason", _("finish reason"), "finish_reason"),
        _words("refusal_rate", _("refusals"), "refused"),
        _words("error_rate", _("error rate"), "failed"),
        _words("grounding", _("use of the documents"), "grounding"),
        _score("retrieval_score", _("best retrieval score"), "score", "beside"),
        _score("judge_score", _("judge score"), "judge", "marks"),
        _score("token_logprob", _("token log-probability"), "mean_logprob", "calls"),
        _vectors("prompt_embedding", _("prompt embedding"), "prompt", users=True),
        _vectors("output_embedding", _("output embedding"), "output", users=False),
        _time("latency", _("latency"), "duration_seconds"),
        _time("ttft", _("time to first token"), "ttft_seconds"),
    )
}

OF_VECTORS = tuple(one.name for one in FEATURES.values() if one.kind == "vectors")


def of(name: str) -> Feature:
    """One of the above, or an attribute of the calls (``number:temperature``, ``category:region``).

    Raises UnknownFeatureError.
    """
    known = FEATURES.get(name)
    if known is not None:
        return known
    attribute = name.partition(":")[2]
    if attribute and name.startswith(NUMBER):
        return _score(name, attribute, attribute, "beside")
    if attribute and name.startswith(CATEGORY):
        return _words(name, attribute, attribute, origin="beside")
    raise UnknownFeatureError(name)


def choices() -> list[tuple[str, str | Promise]]:
    return [(one.name, one.label) for one in FEATURES.values()]

"""What can be watched about the calls of a model version."""

from dataclasses import dataclass
from typing import Literal

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, slots=True)
class Feature:
    """``source``: a column of the calls, or the kind of their vectors. ``input``: the users make it.

    ``least``: smaller numbers are taken for it, since their logarithms say nothing.
    """

    name: str
    label: str | Promise
    kind: Literal["numbers", "vectors"]
    source: str
    input: bool
    detector: str
    least: float = 0.5


FEATURES = {
    one.name: one
    for one in (
        Feature("prompt_length", _("prompt length"), "numbers", "input_tokens", True, "wasserstein"),
        Feature("output_length", _("output length"), "numbers", "output_tokens", False, "wasserstein"),
        Feature("prompt_embedding", _("prompt embedding"), "vectors", "prompt", True, "embedding_distance"),
        Feature("output_embedding", _("output embedding"), "vectors", "output", False, "embedding_distance"),
        Feature("latency", _("latency"), "numbers", "duration_seconds", False, "wasserstein", 1e-3),
        Feature("ttft", _("time to first token"), "numbers", "ttft_seconds", False, "wasserstein", 1e-3),
    )
}


def choices() -> list[tuple[str, str | Promise]]:
    return [(one.name, one.label) for one in FEATURES.values()]

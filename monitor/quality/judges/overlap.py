"""Likeness to an expected answer by character n-grams (chrF): no model, and at home in every language."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from monitor.core.fields import Field
from monitor.outside.llm import Endpoint
from monitor.quality.judges.base import BEST, Ask, Item, Verdict

LONGEST_GRAM = 6
# chrF2: what is missing weighs twice as much as what is too much
RECALL_WEIGHT = 2.0


class Overlap:
    """For calls that carry a reference, such as a golden set. Likeness is not truth: read it as a trend."""

    fields: tuple[Field, ...] = ()
    source = "reference"
    cost = "nothing but a millisecond of the worker"
    endpoint: Endpoint | None = None

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = dict(settings)

    def judge(self, item: Item, ask: Ask) -> Verdict | None:  # noqa: ARG002 — this judge asks nobody
        if not item.reference.strip():
            return None
        likeness = chrf(item.output, item.reference)
        return Verdict(BEST * likeness, f"chrF {likeness:.2f} against the reference")


def chrf(answer: str, reference: str) -> float:
    """chrF2 without white space, 0 to 1, as the mean of precision and recall over grams of 1 to 6."""
    said, wanted = "".join(answer.split()), "".join(reference.split())
    precisions, recalls = [], []
    for n in range(1, LONGEST_GRAM + 1):
        ours, theirs = _grams(said, n), _grams(wanted, n)
        if not ours or not theirs:
            continue
        shared = (ours & theirs).total()
        precisions.append(shared / ours.total())
        recalls.append(shared / theirs.total())
    if not precisions:
        return 0.0
    precision, recall = sum(precisions) / len(precisions), sum(recalls) / len(recalls)
    weight = RECALL_WEIGHT**2
    return (1 + weight) * precision * recall / (weight * precision + recall) if precision + recall else 0.0


def _grams(text: str, n: int) -> Counter[str]:
    return Counter(text[at : at + n] for at in range(len(text) - n + 1))

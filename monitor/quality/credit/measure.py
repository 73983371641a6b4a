"""From log-probabilities of the same answer after several prompts to what each document gave. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Scored = Sequence[tuple[str, float]]
MOST_TOKENS = 2_000


class MeasureError(ValueError):
    """The scores do not fit together; says how."""


@dataclass(frozen=True, slots=True)
class Credit:
    """``documents``: by how many nats the answer gets less likely without each. ``gain``: without all of them.

    ``tokens``: each token of the answer and what the documents together gave to it. ``mean``: per token.
    """

    documents: tuple[float, ...]
    gain: float
    tokens: tuple[tuple[str, float], ...]

    @property
    def mean(self) -> float:
        return self.gain / len(self.tokens) if self.tokens else 0.0

    def to_json(self) -> dict[str, Any]:
        return {
            "documents": list(self.documents), "gain": self.gain, "tokens": [list(one) for one in self.tokens],
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Credit":
        return cls(
            tuple(data["documents"]), data["gain"], tuple((text, gain) for text, gain in data["tokens"])
        )


def credit(whole: Scored, without_all: Scored, without: Sequence[Scored], answer: str) -> Credit:
    """The answer's tokens stand at the end of every scored prompt. Raises MeasureError."""
    n = answer_length(whole, answer)
    tails = [one[-n:] for one in (whole, without_all, *without)]
    if any(len(tail) < n for tail in tails):
        message = f"a scored prompt is shorter than the {n} tokens of the answer"
        raise MeasureError(message)
    sums = [sum(logprob for _, logprob in tail) for tail in tails]
    gains = [(text, own - other) for (text, own), (_, other) in zip(tails[0], tails[1], strict=True)]
    documents = [sums[0] - one for one in sums[2:]] or [sums[0] - sums[1]]
    return Credit(tuple(documents), sums[0] - sums[1], tuple(gains[:MOST_TOKENS]))


def answer_length(scored: Scored, answer: str) -> int:
    """How many tokens at the end make the answer. Raises MeasureError."""
    wanted, length = len(answer.strip()), 0
    for n, (text, _) in enumerate(reversed(scored), 1):
        length += len(text)
        if length >= wanted:
            return n
    message = f"the {len(scored)} scored tokens are shorter than the answer of {wanted} characters"
    raise MeasureError(message)

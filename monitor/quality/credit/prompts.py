"""The prompts that a call is scored with: as it was, without any document, and without each one. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MOST_DOCUMENTS = 8
# where nothing better is known; tokenisers make a little less of English and a little more of Chinese
CHARACTERS_PER_TOKEN = 3.0
CHINESE_FROM = "\u2e80"
Messages = list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Cost:
    """What scoring a call takes: requests, and about how many tokens go in; ``usd`` None without a price."""

    requests: int
    tokens: int
    usd: float | None


@dataclass(frozen=True, slots=True)
class Variants:
    """``rebuilt``: the stored prompt did not hold the documents, so they were put before it."""

    whole: Messages
    without_all: Messages
    without: tuple[Messages, ...]
    rebuilt: bool

    @property
    def all(self) -> tuple[Messages, ...]:
        """One document is all there is: leaving it out and leaving out all are the same."""
        more = self.without if len(self.without) > 1 else ()
        return (self.whole, self.without_all, *more)


def variants(prompt: str, messages: Any, documents: Sequence[str]) -> Variants:
    """How a call is asked again. Documents beyond the first eight stay where they are."""
    plain = _plain(messages) or [{"role": "user", "content": prompt}]
    kept = [one for one in documents if one.strip()][:MOST_DOCUMENTS]
    held = all(any(one.strip() in part["content"] for part in plain) for one in kept)
    if not held:
        told = "\n\n".join(f"[{number}] {text}" for number, text in enumerate(kept, 1))
        plain = [{"role": "system", "content": f"Documents:\n{told}"}, *_joined(plain)]
    return Variants(
        plain, _left_out(plain, kept), tuple(_left_out(plain, [one]) for one in kept), rebuilt=not held
    )


def cost(found: Variants, answer: str, usd_per_million: float | None) -> Cost:
    """An estimate from the lengths of the texts."""
    total = sum(sum(_tokens(part["content"]) for part in one) + _tokens(answer) for one in found.all)
    return Cost(len(found.all), total, None if usd_per_million is None else total * usd_per_million / 1e6)


def _tokens(text: str) -> int:
    chinese = sum(letter >= CHINESE_FROM for letter in text)
    return int(chinese + (len(text) - chinese) / CHARACTERS_PER_TOKEN) + 4


def _plain(messages: Any) -> Messages:
    if not isinstance(messages, list):
        return []
    found = []
    for one in messages:
        content = one.get("content") if isinstance(one, Mapping) else None
        if not isinstance(content, str):
            return []
        found.append({"role": str(one.get("role") or "user"), "content": content})
    return found


def _joined(messages: Messages) -> Messages:
    """Servers want one system message at most, and it comes first."""
    return [{**one, "role": "user"} if one["role"] == "system" else one for one in messages]


def _left_out(messages: Messages, documents: Sequence[str]) -> Messages:
    found = []
    for one in messages:
        content = one["content"]
        for text in documents:
            content = content.replace(text.strip(), "")
        found.append({**one, "content": content})
    return found

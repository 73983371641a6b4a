"""What asking a model costs: an allowance that threads share, paid before each request and settled after it.

An endpoint that reports no usage, or an impossibly small one, is charged by the length of the texts: a budget
must hold against those who lie, too.
"""

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SPENT = "the budget of this run is spent; the rest is asked in the next one"
# no known tokenizer gets more text than that into a token on average
MOST_BYTES_PER_TOKEN = 8
USUAL_BYTES_PER_TOKEN = 3
# more than any request can use: who reports it lies, and the sums must stay sums
MOST_TOKENS_REPORTED = 100_000_000


class SpentError(Exception):
    """There is not enough left for this request. Later there will be."""


@dataclass(frozen=True, slots=True)
class Prices:
    """US dollars for a million tokens."""

    tokens_in: float = 0.0
    tokens_out: float = 0.0

    def usd(self, tokens_in: float, tokens_out: float) -> float:
        return (tokens_in * self.tokens_in + tokens_out * self.tokens_out) / 1e6


@dataclass(slots=True)
class Spent:
    """What has been used so far; ``models``: as which the endpoint said it answered."""

    requests: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    usd: float = 0.0
    models: set[str] = field(default_factory=set)


class Budget:
    """How many requests may still be sent, retries included, and how many tokens and dollars they may cost.

    ``None``: without limit.
    """

    def __init__(
        self, requests: int, tokens: int | None = None, usd: float | None = None, prices: Prices | None = None
    ) -> None:
        self.left, self.tokens_left, self.usd_left = requests, tokens, usd
        self.prices = prices or Prices()
        self.spent = Spent()
        self._lock = threading.Lock()

    def take(self, body: Mapping[str, Any]) -> "Receipt":
        """Pay for one request as if it used all it may; raises SpentError when that is too much."""
        tokens_in, tokens_out = estimate(body)
        usd = self.prices.usd(tokens_in, tokens_out)
        with self._lock:
            if self.left <= 0:
                raise SpentError(SPENT)
            if self.tokens_left is not None and self.tokens_left < tokens_in + tokens_out:
                raise SpentError(SPENT)
            if self.usd_left is not None and self.usd_left < usd:
                raise SpentError(SPENT)
            self.left -= 1
            self.spent.requests += 1
            self._add(tokens_in, tokens_out)
        return Receipt(self, tokens_in, tokens_out)

    def correct(self, tokens_in: int, tokens_out: int, model: str = "") -> None:
        """Charge a difference to what was paid."""
        with self._lock:
            self._add(tokens_in, tokens_out)
            if model:
                self.spent.models.add(model)

    def _add(self, tokens_in: int, tokens_out: int) -> None:
        usd = self.prices.usd(tokens_in, tokens_out)
        self.spent.tokens_in += tokens_in
        self.spent.tokens_out += tokens_out
        self.spent.usd += usd
        if self.tokens_left is not None:
            self.tokens_left -= tokens_in + tokens_out
        if self.usd_left is not None:
            self.usd_left -= usd


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was paid for one request."""

    budget: Budget
    tokens_in: int
    tokens_out: int

    def back(self) -> None:
        """Nothing was computed: the tokens come back, the request stays counted."""
        self.budget.correct(-self.tokens_in, -self.tokens_out)

    def settle(self, reply: Any) -> None:
        """Charge what the reply says it used, but never less than its texts can have used."""
        usage = reply.get("usage") if isinstance(reply, dict) else None
        usage = usage if isinstance(usage, dict) else {}
        said = (
            len(json.dumps(reply.get("choices"), ensure_ascii=False).encode())
            if isinstance(reply, dict)
            else 0
        )
        # of the reply's frame (roles, finish reason) no tokens are charged
        used_out = _at_least(usage.get("completion_tokens"), max(0, said - 100))
        used_in = _at_least(usage.get("prompt_tokens"), self.tokens_in * USUAL_BYTES_PER_TOKEN)
        model = reply.get("model") if isinstance(reply, dict) else ""
        self.budget.correct(
            used_in - self.tokens_in, used_out - self.tokens_out, model if isinstance(model, str) else ""
        )


def estimate(body: Mapping[str, Any]) -> tuple[int, int]:
    """Tokens in and out that a request may use; rather too many than too few."""
    texts = body.get("messages") or body.get("input") or ""
    size = len(json.dumps(texts, ensure_ascii=False).encode(errors="replace"))
    return size // USUAL_BYTES_PER_TOKEN + 1, int(body.get("max_tokens") or 0)


def _at_least(reported: Any, size_bytes: int) -> int:
    """The reported tokens; by the size of the text where there are none or too few."""
    if isinstance(reported, bool) or not isinstance(reported, int) or reported < 0:
        return size_bytes // USUAL_BYTES_PER_TOKEN
    return max(min(reported, MOST_TOKENS_REPORTED), size_bytes // MOST_BYTES_PER_TOKEN)

"""The cast: two simulated services, each with a stable version and a canary, and how fast each version is."""

import math
from dataclasses import dataclass

from monitor.management.simulation.phrases import CHAT_TOPICS, RAG_TOPICS, Topic


@dataclass(frozen=True, slots=True)
class Speed:
    """Seconds of a version. Prefill is linear in the input tokens plus, for ``bend`` > 0, a square."""

    prefill_per_token: float
    decode_per_token: float
    bend: float

    def first_token(self, input_tokens: float) -> float:
        """Prefill time; ``bend`` is what 10,000 input tokens cost on top."""
        return 0.05 + self.prefill_per_token * input_tokens + self.bend * (input_tokens / 10_000) ** 2

    def per_token(self, input_tokens: float) -> float:
        """Decode time of one token; a long context slows a bent version here too."""
        return self.decode_per_token * (1 + 0.35 * self.bend * math.pow(input_tokens / 10_000, 1.5))


@dataclass(frozen=True, slots=True)
class Service:
    model: str
    stable: str
    canary: str
    canary_share: float
    share: float
    provider: str
    operation: str
    route: str
    topics: tuple[Topic, ...]
    input_tokens: float
    stable_speed: Speed
    canary_speed: Speed
    retrieves: bool = False

    def speed(self, version: str) -> Speed:
        return self.canary_speed if version == self.canary else self.stable_speed


QWEN = Service(
    model="qwen-chat",
    stable="2.1",
    canary="2.2-rc1",
    canary_share=0.15,
    share=0.65,
    provider="vllm",
    operation="chat",
    route="/v1/chat/completions",
    topics=CHAT_TOPICS,
    input_tokens=620,
    stable_speed=Speed(prefill_per_token=3.5e-5, decode_per_token=0.017, bend=0.0),
    canary_speed=Speed(prefill_per_token=3.5e-5, decode_per_token=0.0165, bend=2.6),
)
PADDLE = Service(
    model="paddle-rag",
    stable="r7",
    canary="r8",
    canary_share=0.2,
    share=0.35,
    provider="paddle",
    operation="rag",
    route="/api/ask",
    topics=RAG_TOPICS,
    input_tokens=1_450,
    stable_speed=Speed(prefill_per_token=5e-5, decode_per_token=0.022, bend=0.0),
    canary_speed=Speed(prefill_per_token=5e-5, decode_per_token=0.021, bend=1.2),
    retrieves=True,
)
SERVICES = (QWEN, PADDLE)
TENANTS = ("northwind", "bluefin", "longjing", "aurora")

"""What the simulated machines measure: a classic counter-and-histogram service, an inference engine, GPUs.

Pure functions of the story and the time, so any span can be told again.
"""

import math
from collections.abc import Iterator
from itertools import accumulate, pairwise

from monitor.management.simulation import cards
from monitor.management.simulation.cards import Sample
from monitor.management.simulation.services import QWEN
from monitor.management.simulation.story import Story, diurnal, wobble
from monitor.management.simulation.totals import Rates, Totals

BOUNDS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0, math.inf)
PADDLE_JOB, PADDLE_INSTANCE = "paddle", "demo-paddle-1"
ENGINE_LABELS = {"job": "vllm", "instance": "demo-vllm-1", "engine": "0", "model_name": QWEN.model}
FAMILIES = {
    "paddle_model_requests_total": "counter",
    "paddle_model_errors_total": "counter",
    "paddle_model_latency_seconds": "histogram",
}
STABLE, CANARY = "v1", "v2"


class Meters:
    """Reads the meters of one story at a moment."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.served = {
            STABLE: Totals(lambda at: _served(story, at, canary=False)),
            CANARY: Totals(lambda at: _served(story, at, canary=True)),
        }
        self.tokens = Totals(lambda at: _tokens(story, at))
        self.energy = cards.meters(story)

    def paddle(self, at: float, *, buckets: bool = True) -> list[Sample]:
        """The counters and the latency histogram of the classic service."""
        samples: list[Sample] = []
        for version, totals in self.served.items():
            if version == CANARY and at < self.story.canary_from:
                continue
            labels = {"job": PADDLE_JOB, "instance": PADDLE_INSTANCE, "version": version}
            errors, seconds, *bins = totals.at(at)
            # whole requests in each bin, so that no bucket ever grows slower than the one inside it
            within = [float(count) for count in accumulate(int(count) for count in bins)]
            samples.append(({"__name__": "paddle_model_requests_total", **labels}, within[-1]))
            samples.append(({"__name__": "paddle_model_errors_total", **labels}, float(int(errors))))
            if buckets:
                samples += _histogram("paddle_model_latency_seconds", labels, seconds, within)
        return samples

    def engine(self, at: float) -> list[Sample]:
        """What an inference engine says of itself: running, waiting, cache, tokens."""
        level = self.story.level(at) * QWEN.share / 0.5
        pressure = level * (1 + 1.6 * self.story.drifted(at)) * (1 + 0.25 * wobble(at, 1, 400))
        prompt, generated = self.tokens.at(at)
        values = {
            "vllm:num_requests_running": max(0.0, round(6 * pressure + 2 * wobble(at, 2, 45))),
            "vllm:num_requests_waiting": max(0.0, round(4 * (pressure - 1.1) + 1.5 * wobble(at, 3, 60))),
            "vllm:kv_cache_usage_perc": round(min(0.99, max(0.02, 0.2 + 0.24 * pressure)), 4),
            "vllm:prompt_tokens_total": float(int(prompt)),
            "vllm:generation_tokens_total": float(int(generated)),
        }
        return [({"__name__": name, **ENGINE_LABELS}, float(value)) for name, value in values.items()]

    def gpus(self, at: float) -> list[Sample]:
        """Two simulated cards, marked as such by a label."""
        return cards.read(self.story, self.energy, at)


def exposition(samples: list[Sample]) -> str:
    """A page in Prometheus' text format; ``job`` and ``instance`` are left to whoever scrapes it."""
    lines: list[str] = []
    for family, kind in FAMILIES.items():
        lines.append(f"# TYPE {family} {kind}")
        lines += [_line(labels, value) for labels, value in samples if labels["__name__"].startswith(family)]
    return "\n".join(lines) + "\n"


def _line(labels: dict[str, str], value: float) -> str:
    kept = {name: text for name, text in labels.items() if name not in {"__name__", "job", "instance"}}
    inside = ",".join(f'{name}="{text}"' for name, text in kept.items())
    return f"{labels['__name__']}{{{inside}}} {value!r}"


def _histogram(name: str, labels: dict[str, str], seconds: float, within: list[float]) -> Iterator[Sample]:
    for bound, count in zip(BOUNDS, within, strict=True):
        edge = "+Inf" if bound == math.inf else str(bound)
        yield {"__name__": f"{name}_bucket", **labels, "le": edge}, count
    yield {"__name__": f"{name}_count", **labels}, within[-1]
    yield {"__name__": f"{name}_sum", **labels}, round(seconds, 3)


def _served(story: Story, at: float, *, canary: bool) -> Rates:
    """Per second: errors, seconds of latency, requests between each two bounds."""
    canary_share = 0.1 if at >= story.canary_from else 0.0
    share = canary_share if canary else 1 - canary_share
    requests = 20 * diurnal(at, 0.3) * share * (1 + 0.06 * wobble(at, 4, 700))
    if story.quiet_spell(at):
        requests *= 0.25
    failing = 0.001
    if canary:
        failing = 0.045 if story.canary_storm(at) else 0.004
    median, sigma = (0.2, 0.52) if canary and at >= story.launch else (0.14, 0.34)
    shares = [1.0 if bound == math.inf else _normal(math.log(bound / median) / sigma) for bound in BOUNDS]
    bins = (requests * (upper - lower) for lower, upper in pairwise([0.0, *shares]))
    return (requests * failing, requests * median * math.exp(sigma**2 / 2), *bins)


def _tokens(story: Story, at: float) -> Rates:
    """Per second: prompt tokens, generated tokens."""
    calls = story.level(at) * QWEN.share
    return calls * QWEN.input_tokens * (1.3 + 5 * story.drifted(at)), calls * 48


def _normal(z: float) -> float:
    return 0.5 * (1 + math.erf(z / math.sqrt(2)))

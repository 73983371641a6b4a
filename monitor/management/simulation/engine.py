"""The simulated inference engine: vLLM's own names, on the simulated cards. Pure, from the story and the time."""

import math
from itertools import accumulate, pairwise

from monitor.management.simulation import cards
from monitor.management.simulation.cards import Sample
from monitor.management.simulation.services import QWEN
from monitor.management.simulation.spread import histogram, share_below
from monitor.management.simulation.story import Story, wobble
from monitor.management.simulation.totals import Rates, Totals

LABELS = {
    "job": "vllm", "instance": "demo-vllm-1", "engine": "0", "model_name": QWEN.model, "gpu_host": cards.HOST,
}  # fmt: skip
OUTPUT_TOKENS = 48
# as vLLM has them
FIRST = (
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0, 80.0,
    160.0, 640.0, 2560.0, math.inf,
)  # fmt: skip
BETWEEN = (
    0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0, 80.0, math.inf,
)  # fmt: skip
QUEUED = (
    0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 50.0, 60.0, 120.0, 240.0, 480.0, 960.0,
    1920.0, 7680.0, math.inf,
)  # fmt: skip


class Engine:
    """Reads the engine at a moment."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.counts = Totals(lambda at: _counted(story, at))
        self.times = {
            "vllm:time_to_first_token_seconds": (FIRST, Totals(lambda at: _spread(story, at, FIRST, 0.35, 1))),
            "vllm:inter_token_latency_seconds": (BETWEEN, Totals(lambda at: _spread(story, at, BETWEEN, 0.024, OUTPUT_TOKENS))),
            "vllm:request_queue_time_seconds": (QUEUED, Totals(lambda at: _spread(story, at, QUEUED, 0.12, 1))),
        }  # fmt: skip

    def read(self, at: float, *, buckets: bool = True) -> list[Sample]:
        """Everything it tells; without ``buckets`` no histograms."""
        load = pressure(self.story, at)
        prompt, generated, queries, hits, preempted = self.counts.at(at)
        values = {
            "vllm:num_requests_running": max(0.0, round(6 * load + 2 * wobble(at, 2, 45))),
            "vllm:num_requests_waiting": max(0.0, round(4 * (load - 1.1) + 1.5 * wobble(at, 3, 60))),
            "vllm:kv_cache_usage_perc": round(min(0.99, max(0.02, 0.2 + 0.24 * load)), 4),
            "vllm:prompt_tokens_total": float(int(prompt)),
            "vllm:generation_tokens_total": float(int(generated)),
            "vllm:prefix_cache_queries_total": float(int(queries)),
            "vllm:prefix_cache_hits_total": float(int(hits)),
            "vllm:num_preemptions_total": float(int(preempted)),
        }
        samples: list[Sample] = [
            ({"__name__": name, **LABELS}, float(value)) for name, value in values.items()
        ]
        for name, (bounds, totals) in self.times.items() if buckets else ():
            seconds, *bins = totals.at(at)
            within = [float(count) for count in accumulate(int(count) for count in bins)]
            samples += histogram(name, LABELS, bounds, seconds, within)
        return samples


def pressure(story: Story, at: float) -> float:
    """The load in units of what the engine does at ease."""
    level = story.level(at) * QWEN.share / 0.5
    return level * (1 + 1.6 * story.drifted(at)) * (1 + 0.25 * wobble(at, 1, 400))


def _counted(story: Story, at: float) -> Rates:
    """Per second: prompt and generated tokens, tokens sought and found in the prefix cache, preemptions."""
    calls = story.level(at) * QWEN.share
    prompt = calls * QWEN.input_tokens * (1.3 + 5 * story.drifted(at))
    hit = 0.55 - 0.6 * story.drifted(at)
    return prompt, calls * OUTPUT_TOKENS, prompt, prompt * hit, max(0.0, pressure(story, at) - 2.6) * 0.05


def _spread(story: Story, at: float, bounds: tuple[float, ...], median: float, per_call: float) -> Rates:
    """Per second: seconds in all, and how many between each two bounds; slower under pressure."""
    events = story.level(at) * QWEN.share * per_call
    middle, sigma = median * (0.7 + 0.5 * pressure(story, at)), 0.5
    shares = [share_below(bound, middle, sigma) for bound in bounds]
    bins = (events * (upper - lower) for lower, upper in pairwise([0.0, *shares]))
    return (events * middle * math.exp(sigma**2 / 2), *bins)

"""What the simulated machines measure: a classic counter-and-histogram service, an inference engine, GPUs.

Pure functions of the story and the time, so any span can be told again.
"""

import math
from itertools import accumulate, pairwise

from monitor.management.simulation import cards, engine
from monitor.management.simulation.cards import Sample
from monitor.management.simulation.spread import histogram, share_below
from monitor.management.simulation.story import Story, diurnal, wobble
from monitor.management.simulation.totals import Rates, Totals

BOUNDS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0, math.inf)
PADDLE_JOB, PADDLE_INSTANCE = "paddle", "demo-paddle-1"
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
        self.vllm = engine.Engine(story)
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
                samples += histogram("paddle_model_latency_seconds", labels, BOUNDS, seconds, within)
        return samples

    def engine(self, at: float, *, buckets: bool = True) -> list[Sample]:
        """What an inference engine says of itself: running, waiting, cache, tokens, how long everything took."""
        return self.vllm.read(at, buckets=buckets)

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
    shares = [share_below(bound, median, sigma) for bound in BOUNDS]
    bins = (requests * (upper - lower) for lower, upper in pairwise([0.0, *shares]))
    return (requests * failing, requests * median * math.exp(sigma**2 / 2), *bins)

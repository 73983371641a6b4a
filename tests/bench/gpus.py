"""What the agent costs: eight cards of a kind read every second, kept on disk and encoded for the wire.

The simulated library's own time is measured inside it and taken off: a real one is C. Prints one JSON line; shares
are of one core.
"""

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pynvml

from monitor.gpu.agent import wire
from monitor.gpu.agent.push import PARCEL_SAMPLES
from monitor.gpu.agent.spool import Spool
from monitor.gpu.fake.abi import SYMBOLS
from monitor.gpu.fake.host import FakeCard, FakeHost
from monitor.gpu.fake.installed import install
from monitor.gpu.fake.models import H100, T4, Model
from monitor.gpu.sampler import Sampler

CARDS, SECONDS, PUSH_EVERY = 8, 600, 5
START = 1_795_262_400.0


class Inside:
    """Time spent in the simulated library."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def timed(self, function: Callable[..., int | None]) -> Callable[..., int | None]:
        def call(*arguments: Any) -> int | None:
            started = time.thread_time()
            try:
                return function(*arguments)
            finally:
                self.seconds += time.thread_time() - started

        return call


def measure(model: Model, folder: Path) -> dict[str, float]:
    moment = START
    host = FakeHost([FakeCard(model, index) for index in range(CARDS)], lambda: moment)
    install(host, pynvml)
    inside = Inside()
    plain = dict(SYMBOLS)
    SYMBOLS.update({name: inside.timed(function) for name, function in plain.items()})
    sampler = Sampler("bench", lambda: int(moment * 1000))
    spool = Spool(folder / model.name, 2**28)
    sampler.sample(int(moment * 1000))
    inside.seconds, spent, sent, size, samples = 0.0, time.thread_time(), 0.0, 0, 0
    for _ in range(SECONDS):
        moment += 1
        reading = sampler.sample(int(moment * 1000))
        spool.add(reading)
        samples += len(reading.samples)
        if not moment % PUSH_EVERY:
            started = time.thread_time()
            while (parcel := spool.oldest(PARCEL_SAMPLES)).last:
                size += len(wire.body(parcel))
                spool.done(parcel)
            sent += time.thread_time() - started
    spent = time.thread_time() - spent
    sampler.close()
    SYMBOLS.update(plain)
    return {
        "own_share": round((spent - inside.seconds) / SECONDS, 5),
        "of_which_sending": round(sent / SECONDS, 5),
        "simulated_library_share": round(inside.seconds / SECONDS, 5),
        "calls_per_second": round(sum(host.calls.values()) / SECONDS, 1),
        "samples_per_second": round(samples / SECONDS, 1),
        "bytes_sent_per_second": round(size / SECONDS),
    }


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = {model.name: measure(model, Path(folder)) for model in (H100, T4)}
    print(json.dumps({"bench": "gpus", "cards": CARDS, "interval_seconds": 1, **found}))  # noqa: T201 — its answer


if __name__ == "__main__":
    main()

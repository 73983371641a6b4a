"""What redaction costs: microseconds a kilobyte of the write path's one look, and of texts that hold something.

Processor time, so a busy machine changes little. Prints one JSON line.
"""

import json
import time
from collections.abc import Callable, Sequence

from monitor.ingest.envelope import Generation
from monitor.ingest.grounding import grounding
from monitor.ingest.language import detect
from monitor.ingest.redaction.calls import clean
from monitor.ingest.redaction.policy import DEFAULT
from tests.ingest.redaction import corpus

N = 2_000
TIMES = 5
_PLAIN = "What is your refund policy? 请问退货政策是什么，如何办理？ The order 2026-11 ships within 30 days. "


def main() -> None:
    planted = [one.text for one in corpus.texts() if one.values][:N]
    texts = {
        "nothing_to_hide": [f"{_PLAIN * 10}{n}" for n in range(N)],
        "something_in_each": [f"{_PLAIN * 9}{text}" for text in planted],
    }
    microseconds = {
        f"redaction_{name}": cost(lambda text: clean(Generation(model="m", prompt=text), DEFAULT), found)
        for name, found in texts.items()
    }
    plain = texts["nothing_to_hide"]
    microseconds["language"] = cost(detect, plain)
    microseconds["grounding"] = cost(lambda text: grounding(text[:200], [text], claim=None), plain)
    print(json.dumps({"bench": "redaction", "us_per_kilobyte": microseconds}))  # noqa: T201 — a benchmark talks


def cost(work: Callable[[str], object], texts: Sequence[str]) -> float:
    """The best of a few runs."""
    kilobytes = sum(len(text.encode()) for text in texts) / 1000
    best = min(once(work, texts) for _ in range(TIMES))
    return round(best * 1e6 / kilobytes, 2)


def once(work: Callable[[str], object], texts: Sequence[str]) -> float:
    began = time.process_time()
    for text in texts:
        work(text)
    return time.process_time() - began


if __name__ == "__main__":
    main()

"""What users say of the answers: one in thirty rates, kinder or harsher than the script. Pure."""

import random
from collections.abc import Iterable, Iterator
from typing import Any

from monitor.management.simulation.marks import BEST, mark
from monitor.management.simulation.traffic import Record

SHARE = 1 / 30
NAME = "rating"


def of(calls: Iterable[Record]) -> Iterator[dict[str, Any]]:
    """The ratings of those calls that somebody rated; the same call always gets the same."""
    for call in calls:
        dice = random.Random(f"rating/{call['id']}")
        if "output" in call and dice.random() < SHARE:
            score = mark(call["prompt"], call["output"]).score + dice.choice((-1, 0, 0, 1))
            yield {
                "generation_id": call["id"],
                "name": NAME,
                "source": "human",
                "value": max(0, min(BEST, score)),
                "author": call["user"],
            }

"""The calls of the simulated services in a span of time, as records of the native protocol.

Pure and seeded: each slot of time has its own random numbers, so any span can be told again, in any pieces,
with the same calls and the same ids.
"""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from monitor.management.simulation import wording
from monitor.management.simulation.phrases import DRIFTED_TOPICS, HANDBOOK, Topic
from monitor.management.simulation.services import SERVICES, TENANTS, Service
from monitor.management.simulation.story import Story

SLOT_SECONDS = 10
LONGEST_SECONDS = 60.0
Record = dict[str, Any]


def calls(story: Story, start: float, end: float) -> Iterator[Record]:
    """Every call that begins in [start, end), slot by slot, in no order within a slot."""
    first, last = math.floor(start / SLOT_SECONDS), math.ceil(end / SLOT_SECONDS)
    for slot in range(first, last):
        for service in SERVICES:
            for began, record in _slot(story, service, slot):
                if start <= began < end:
                    yield record


def ended_at(record: Record) -> float:
    """When the call was over and its service could report it."""
    return float(record["started_at"]) + float(record["duration_seconds"])


def _slot(story: Story, service: Service, slot: int) -> Iterator[tuple[float, Record]]:
    dice = random.Random(f"{story.seed}/{service.model}/{slot}")
    middle = (slot + 0.5) * SLOT_SECONDS
    expected = story.level(middle) * service.share * SLOT_SECONDS
    for number in range(_poisson(dice, expected)):
        own = random.Random(dice.getrandbits(64))
        began = round((slot + own.random()) * SLOT_SECONDS, 3)
        record = _call(story, service, began, own)
        record["id"] = f"sim-{story.seed}-{service.model}-{slot}-{number}"
        yield began, record


def _poisson(dice: random.Random, expected: float) -> int:
    limit, product, count = math.exp(-expected), dice.random(), 0
    while product > limit:
        product *= dice.random()
        count += 1
    return count


@dataclass(frozen=True, slots=True)
class Turn:
    """What is decided about a call before it is put in words and seconds."""

    story: Story
    service: Service
    at: float
    canary: bool
    drifted: bool
    topic: Topic
    error: str | None


def _call(story: Story, service: Service, at: float, dice: random.Random) -> Record:
    canary = at >= story.canary_from and dice.random() < service.canary_share
    drifted = dice.random() < story.drifted(at)
    topic = _topic(service, dice, drifted=drifted)
    error = _error(story, at, dice, canary=canary)
    turn = Turn(story, service, at, canary, drifted, topic, error)
    record: Record = {
        "model": service.model,
        "version": service.canary if canary else service.stable,
        "environment": "production",
        "operation": service.operation,
        "provider": service.provider,
        "route": service.route,
        "started_at": at,
        "topic": topic.name,
        "template": f"{topic.name.split()[0]}-{1 + dice.randrange(2)}",
        "tenant": TENANTS[3] if drifted else TENANTS[dice.randrange(3)],
        "user": f"user-{dice.randrange(400)}",
        "session": f"s-{int(at) // 600}-{dice.randrange(60)}",
    }
    _say(turn, record, dice)
    _time(turn, record, dice)
    return record


def _topic(service: Service, dice: random.Random, *, drifted: bool) -> Topic:
    if drifted:
        return HANDBOOK if service.retrieves else dice.choice(DRIFTED_TOPICS)
    return dice.choice(service.topics)


def _error(story: Story, at: float, dice: random.Random, *, canary: bool) -> str | None:
    storm = canary and story.canary_storm(at)
    share = 0.004
    if canary:
        share = 0.22 if storm else 0.01
    if dice.random() >= share:
        return None
    # a time-out takes half a minute: one in a hundred calls would be all that a p99 shows
    return dice.choices(("rate_limit", "server_error", "timeout"), (7, 2, 1 if storm else 0))[0]


def _say(turn: Turn, record: Record, dice: random.Random) -> None:
    """Put the words in: prompt, output, contexts and how many tokens they were."""
    retrieves = turn.service.retrieves
    # of ten calls in a breakdown six find nothing, two or three find something and do not use it
    luck = dice.random() if retrieves and turn.story.knowledge_base_down(turn.at) else 1.0
    said = wording.talk(
        turn.topic,
        dice,
        long=turn.drifted and not retrieves,
        broken=_breakage(dice, canary=turn.canary),
        ungrounded=luck < 0.85,
    )
    record["prompt"] = said.prompt
    if retrieves:
        record["contexts"] = [] if luck < 0.6 else wording.contexts(turn.topic, dice, said)
    longer = (2.5 if retrieves else 5.5) if turn.drifted else 1.0
    earlier = int(min(30_000.0, dice.lognormvariate(math.log(turn.service.input_tokens * longer), 0.75)))
    record["attributes"] = {"tokens_of_earlier_messages": earlier}
    record["input_tokens"] = earlier + wording.count_tokens(said.prompt)
    record["cached_input_tokens"] = int(record["input_tokens"] * dice.betavariate(2, 5))
    if turn.error is not None:
        return
    record["output"] = said.output
    record["output_tokens"] = wording.count_tokens(said.output)
    if dice.random() < 0.04:
        record["tokens"] = wording.tokens(said.output, dice, sure=not turn.canary)
    if dice.random() < 0.03:
        record["reference"] = said.ideal


def _breakage(dice: random.Random, *, canary: bool) -> str | None:
    """How an answer goes wrong, if it does: four in ten of the canary's, one in twenty of the others."""
    if dice.random() >= (0.4 if canary else 0.05):
        return None
    return dice.choice(("cut", "evade", "loop", "stray"))


def _time(turn: Turn, record: Record, dice: random.Random) -> None:
    """Put the seconds in: waiting, first token, decoding, network; and what it cost."""
    inputs, outputs = float(record["input_tokens"]), float(record.get("output_tokens", 0))
    speed = turn.service.speed(str(record["version"]))
    waited = dice.expovariate(1 / (0.02 + 0.06 * turn.story.level(turn.at)))
    noise = dice.lognormvariate(0, 0.12)
    prefill = speed.first_token(inputs - 0.8 * record["cached_input_tokens"]) * noise
    decode = outputs * speed.per_token(inputs) * dice.lognormvariate(0, 0.08)
    record["queue_seconds"] = round(waited, 4)
    if turn.error is not None:
        lasted = 30.0 if turn.error == "timeout" else round(waited + 0.015 * noise, 4)
        record |= {"error": turn.error, "duration_seconds": lasted, "finish_reason": "error"}
        return
    record |= {
        "ttft_seconds": round(waited + prefill, 4),
        "inference_seconds": round(prefill + decode, 4),
        "duration_seconds": round(min(LONGEST_SECONDS, waited + prefill + decode + 0.004 * noise), 4),
        "finish_reason": "stop",
        "cost_usd": round(inputs * 4e-7 + outputs * 1.2e-6, 6),
    }

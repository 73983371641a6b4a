"""Scoring against a server that speaks vLLM's protocol over real HTTP."""

import datetime as dt
import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from monitor.outside.llm import Endpoint
from monitor.outside.scoring import ScoringError, score
from monitor.quality.credit import read, run
from monitor.quality.credit.models import ScoringEngine
from tests.fixtures.fix_calls import Push
from tests.fixtures.fix_cast import Cast
from tests.fixtures.fix_outside import Answer, Outside, Received

DOCUMENT = "The X200 pump weighs 14 kg."


def engine_of_vllm(request: Received) -> Answer:
    """Each word is a token; those of the answer are likely only while the document stands in the prompt."""
    body = request.json
    words = [word + " " for one in body["messages"] for word in one["content"].split()]
    told = any(DOCUMENT in one["content"] for one in body["messages"][:-1])
    entries: list[Any] = [None]
    for number, word in enumerate(words[1:]):
        entries.append({str(number): {"logprob": -0.1 if told else -2.1, "rank": 1, "decoded_token": word}})
    reply = {"choices": [{"message": {"content": "x"}}], "prompt_logprobs": entries}
    return Answer(200, json.dumps(reply).encode(), {"content-type": "application/json"})


@pytest.fixture
def call(push: Push, now: dt.datetime) -> UUID:
    return push([{
        "at": now, "prompt": "How heavy is it?", "output": "It weighs 14 kg.",
        "contexts": [{"id": "a", "text": DOCUMENT}, {"id": "b", "text": "Claims take five days."}],
    }])[0]  # fmt: skip


@pytest.fixture
def engine(cast: Cast, outside: Callable[[], Outside]) -> Outside:
    server = outside()
    ScoringEngine.objects.create(
        project=cast.project,
        name="vllm",
        url=f"{server.url}/v1",
        served_model="m",
        usd_per_million_tokens=1.0,
    )
    return server


def test_the_document_that_carried_the_answer_gets_the_credit(
    cast: Cast, call: UUID, engine: Outside, now: dt.datetime
) -> None:
    engine.respond = engine_of_vllm
    before = read.of(cast.project.id, call)
    assert before is not None
    assert before.state == "new"
    assert before.cost is not None
    assert before.cost.requests == 4
    assert read.ask(cast.project.id, call, "ada", now=now)
    assert run.run_due(now=now) == 1
    found = read.of(cast.project.id, call)
    assert found is not None
    assert found.credit is not None
    assert found.credit.documents == pytest.approx((8.0, 0.0))
    assert len(engine.received) == before.cost.requests


def test_the_answer_goes_in_as_the_end_of_the_prompt(engine: Outside) -> None:
    engine.respond = engine_of_vllm
    score(Endpoint(f"{engine.url}/v1", "m"), [{"role": "user", "content": "Hi there"}], "yes")
    sent = engine.received[0].json
    assert sent["messages"][-1] == {"role": "assistant", "content": "yes"}
    assert (sent["add_generation_prompt"], sent["continue_final_message"]) == (False, True)


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (200, b'{"choices": []}', "without prompt_logprobs"),
        (200, b"<html>", "no JSON"),
        (200, b'{"prompt_logprobs": [null, {"1": 3}]}', "unknown form"),
        (500, b"{}", "HTTP 500"),
    ],
)
def test_a_server_that_can_not_score_says_so(engine: Outside, status: int, body: bytes, words: str) -> None:
    engine.always(status, body)
    with pytest.raises(ScoringError, match=words):
        score(Endpoint(f"{engine.url}/v1", "m"), [{"role": "user", "content": "Hi"}], "yes")


def test_a_failure_is_told_to_who_asked_and_can_be_asked_again(
    cast: Cast, call: UUID, engine: Outside, now: dt.datetime
) -> None:
    engine.always(500, b"{}")
    read.ask(cast.project.id, call, "ada", now=now)
    run.run_due(now=now)
    found = read.of(cast.project.id, call)
    assert found is not None
    assert (found.state, found.credit) == ("failed", None)
    assert "HTTP 500" in found.error
    assert read.ask(cast.project.id, call, "ada", now=now)


def test_a_request_is_not_taken_twice(cast: Cast, call: UUID, engine: Outside, now: dt.datetime) -> None:
    engine.respond = engine_of_vllm
    read.ask(cast.project.id, call, "ada", now=now)
    assert (run.run_due(now=now), run.run_due(now=now)) == (1, 0)


def test_without_an_engine_nothing_can_be_asked(cast: Cast, call: UUID, now: dt.datetime) -> None:
    assert not read.ask(cast.project.id, call, "ada", now=now)

"""The retriever dies while calls go on: from calls through derived series and the starter rule to an alert."""

import datetime as dt
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest

from monitor.alerting import receive
from monitor.rules import evaluate, exchange, read, sets, yaml
from monitor.rules.history import Author
from tests.fixtures.fix_calls import Push
from tests.fixtures.fix_cast import NOON, Cast

MINUTE = dt.timedelta(minutes=1)
FOUND = [{"id": "manual", "text": "The X200 pump weighs 14 kg and is made of stainless steel.", "score": 0.8}]
ANSWER = "The X200 pump weighs 14 kg and is made of stainless steel."


@dataclass
class Assistant:
    """A call every five seconds, and rules looked at every minute, from before noon on."""

    push: Push
    project_id: int
    at: dt.datetime = NOON - dt.timedelta(minutes=20)
    fired: dict[str, dt.datetime] = field(default_factory=dict)

    def send(self, minutes: int, contexts: list[dict[str, Any]] | None) -> None:
        self.push([{
            "at": self.at + dt.timedelta(seconds=5 * n), "route": "/ask", "prompt": "How heavy is the pump?",
            "output": ANSWER, "contexts": contexts,
        } for n in range(12 * minutes)])  # fmt: skip
        self.at += minutes * MINUTE

    def live(self, minutes: int, contexts: list[dict[str, Any]] | None) -> None:
        for _ in range(minutes):
            self.send(1, contexts)
            evaluate.run_due(evaluate.stored(partial(receive.take, now=self.at), now=self.at), now=self.at)
            for rule in read.rules(self.project_id):
                if rule.state == "firing":
                    self.fired.setdefault(rule.name, self.at)


@pytest.fixture
def assistant(push: Push, cast: Cast) -> Assistant:
    kept = [group for group in yaml.load(sets.text("starter")) if group.name == "llm-retrieval"]
    exchange.take(cast.project.id, kept, exchange.Terms(Author("ada", NOON)))
    return Assistant(push, cast.project.id)


def test_an_empty_retriever_alerts_within_for_and_one_evaluation(assistant: Assistant) -> None:
    assistant.live(15, FOUND)
    assert not assistant.fired
    killed = assistant.at
    assistant.live(7, [])
    assert assistant.fired["KnowledgeBaseNotUsed"] - killed <= 5 * MINUTE + MINUTE


def test_a_retriever_that_is_not_called_any_more_alerts(assistant: Assistant) -> None:
    assistant.at -= dt.timedelta(minutes=110)
    assistant.send(110, FOUND)
    assistant.live(2, FOUND)
    killed = assistant.at
    assistant.live(15, None)
    assert "KnowledgeBaseNotUsed" not in assistant.fired
    assert assistant.fired["RetrievalNotCalled"] - killed <= 15 * MINUTE

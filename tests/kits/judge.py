"""What every judge must pass; a new entry gains these tests by being in the list."""

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from monitor.core import fields
from monitor.outside.llm import Endpoint
from monitor.quality.judges import JUDGES
from monitor.quality.judges.base import Item, Judge

T = TypeVar("T")

ITEM = Item(
    prompt="What is the capital of France?",
    output="Paris, since 987.",
    contexts=("Paris is the capital of France.",),
    reference="Paris.",
    rival="Lyon, I think.",
)
ENDPOINT = {"url": "http://judge.example/v1", "model": "judge-1", "api_key": "sk-very-secret"}
ENOUGH: dict[str, dict[str, Any]] = {
    "rubric": ENDPOINT,
    "groundedness": {**ENDPOINT, "ask": "always"},
    "refusal": ENDPOINT,
    "toxicity": ENDPOINT,
    "custom": {**ENDPOINT, "task": "How polite is the answer? 0 rude, 5 very polite."},
    "pairwise": {**ENDPOINT, "baseline": "v1"},
    "json_schema": {"schema": '{"type": "object"}'},
    "business_rule": {"longest": 100},
}
# an answer that any of the asking judges can use
GOOD: dict[str, Any] = {
    "score": 4, "reason": "right", "statements": [{"statement": "Paris", "supported": True}],
    "refused": False, "harmful_request": False, "kind": "none", "toxicity": 0, "better": "first",
}  # fmt: skip


def made(name: str, **settings: Any) -> Judge:
    kind = JUDGES[name]
    judge: Judge = kind(fields.clean(kind.fields, {**ENOUGH.get(name, {}), **settings}))
    return judge


class Script:
    """Stands where the model is asked: keeps the questions, gives the answers that a test wrote."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[list[Mapping[str, str]], Mapping[str, Any]]] = []

    def __call__(
        self,
        endpoint: Endpoint,  # noqa: ARG002 — part of the contract
        messages: Sequence[Mapping[str, str]],
        schema: Mapping[str, Any],
        check: Callable[[Any], T],
    ) -> T:
        self.asked.append((copy.deepcopy(list(messages)), schema))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return check(answer)

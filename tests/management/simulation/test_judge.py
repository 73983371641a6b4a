"""The scripted judge, asked over HTTP by the product's own judges as any endpoint is."""

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import httpx2
import pytest

from monitor.management.simulation.server import Stage
from monitor.outside import llm
from monitor.quality.judges.base import Item, Verdict
from monitor.quality.judges.groundedness import Groundedness
from monitor.quality.judges.rubric import Rubric

FACT = "The compressor needs synthetic oil of grade ISO VG 46."


@pytest.fixture
def stage() -> Iterator[Stage]:
    served = Stage(lambda: "up 1\n")
    served.start()
    yield served
    served.stop()


def ask(kind: type[Rubric | Groundedness], stage: Stage, item: Item) -> Verdict | None:
    settings: dict[str, Any] = {"url": f"{stage.url}/v1", "model": "scripted-judge"}
    return kind(settings).judge(item, partial(llm.ask))


def test_a_good_answer_gets_a_good_mark_with_a_reason_that_says_it_is_scripted(stage: Stage) -> None:
    verdict = ask(Rubric, stage, Item("Which oil does the compressor need?", FACT))
    assert verdict is not None
    assert verdict.value >= 4
    assert "Scripted judge" in verdict.reason


def test_a_refusal_gets_a_bad_mark(stage: Stage) -> None:
    verdict = ask(Rubric, stage, Item("Which oil does the compressor need?", "I can't help with that."))
    assert verdict is not None
    assert verdict.value == 1


def test_groundedness_is_the_share_of_supported_statements(stage: Stage) -> None:
    item = Item("Which oil?", f"{FACT} Bananas grow in warm countries.", contexts=(FACT,))
    verdict = ask(Groundedness, stage, item)
    assert verdict is not None
    assert verdict.value == 2.5


def post(stage: Stage, body: bytes) -> tuple[int, Any]:
    answer = httpx2.post(f"{stage.url}/v1/chat/completions", content=body)
    return answer.status_code, answer.json()


def test_the_answer_names_a_scripted_model_and_is_the_same_each_time(stage: Stage) -> None:
    text = '<<question 1000>>\n"Why?"\n<<end of question 1000>>\n\n<<answer 1000>>\n"So."\n<<end of answer 1000>>'
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": text}]}).encode()
    first, second = post(stage, body), post(stage, body)
    assert first == second
    assert first[0] == 200
    assert first[1]["model"] == "scripted-judge"


@pytest.mark.parametrize(
    "body", [b"no json", b"[]", b'{"messages": [{"role": "user", "content": "Hello?"}]}']
)
def test_what_no_judge_sends_is_refused(stage: Stage, body: bytes) -> None:
    assert post(stage, body)[0] == 400

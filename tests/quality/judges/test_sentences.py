from dataclasses import replace

import pytest

from tests.kits.judge import ITEM, Script, made

DOCUMENT = "The X200 pump weighs 14 kg. It is made of steel."


def mark(output: str, contexts: tuple[str, ...] | None = (DOCUMENT,)) -> float | None:
    item = replace(ITEM, prompt="How heavy is it?", output=output, contexts=contexts)
    verdict = made("sentences").judge(item, Script())
    return None if verdict is None else verdict.value


def test_the_mark_is_the_share_of_supported_sentences() -> None:
    assert mark("The X200 pump weighs 14 kg.") == 5.0
    assert mark("The X200 pump weighs 14 kg. It floats thanks to cork rings.") == 2.5


@pytest.mark.parametrize("output", ["I can't find that in the documents.", ""])
def test_an_answer_that_claims_nothing_has_no_mark(output: str) -> None:
    assert mark(output) is None


@pytest.mark.parametrize("contexts", [None, ()])
def test_a_call_without_documents_has_no_mark(contexts: tuple[str, ...] | None) -> None:
    assert mark("The X200 pump weighs 14 kg.", contexts) is None

from typing import Any

import pytest

from monitor.quality.grounding import Verdict, check

CONTEXTS: list[dict[str, Any]] = [
    {"id": "manual-7", "text": "The X200 pump weighs 14 kg. It is made of steel.", "score": 0.81},
    {"id": "faq-2", "text": "Claims are answered within five working days.", "score": 0.64},
]


def states(output: str) -> list[tuple[str, str]]:
    return [(one.mark, one.state) for one in check(output, CONTEXTS).citations]


def test_no_retrieval_is_not_the_same_as_one_that_found_nothing() -> None:
    assert not check("It weighs 14 kg.", None).called
    assert check("It weighs 14 kg.", []).called
    assert check("It weighs 14 kg.", []).share is None


def test_a_call_tells_what_was_returned_and_what_was_used() -> None:
    found = check("The X200 pump weighs 14 kg.", CONTEXTS)
    assert (found.returned, found.best_score, found.used, found.share) == (2, 0.81, (0,), 1.0)
    assert found.lines_of(0) == [0]


@pytest.mark.parametrize(
    ("output", "wanted"),
    [
        ("The pump weighs 14 kg [1].", [("1", "valid")]),
        ("The pump weighs 14 kg [manual-7].", [("manual-7", "valid")]),
        ("The pump weighs 14 kg. 【1】", [("1", "valid")]),
        ("The pump weighs 14 kg [2].", [("2", "unsupported")]),
        ("The pump weighs 14 kg [9].", [("9", "unknown")]),
        ("The pump weighs 14 kg [文档1, 9].", [("文档1", "valid"), ("9", "unknown")]),
        ("The pump [see above] weighs 14 kg.", []),
    ],
)
def test_a_citation_holds_where_its_document_holds_the_sentence(
    output: str, wanted: list[tuple[str, str]]
) -> None:
    assert states(output) == wanted


def test_a_refusal_claims_nothing() -> None:
    found = check("I'm sorry, I can't find that in the documents.", CONTEXTS)
    assert found.refused
    assert found.share is None


def test_each_sentence_has_a_verdict_of_its_own() -> None:
    found = check("The X200 pump weighs 14 kg. It floats on water thanks to cork rings.", CONTEXTS)
    assert [line.support.verdict for line in found.lines] == [Verdict.SUPPORTED, Verdict.UNSUPPORTED]

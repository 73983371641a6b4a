"""A clause laid beside a sentence of the documents, word by word."""

import pytest

from monitor.quality.grounding.alignment import align, change
from monitor.quality.grounding.terms import words

LEGAL = "Working from outside the EU requires approval by Legal and is limited to ten days."
PIPES = "室内水管爆裂造成的损失在保险金额内赔付。"


@pytest.mark.parametrize(
    ("clause", "sentence", "why"),
    [
        ("Working from outside the EU requires approval by Finance", LEGAL, "swapped"),
        ("Working from outside the EU requires approval by Legal", LEGAL, ""),
        ("Working from outside the EU requires no approval by Legal", LEGAL, "turned"),
        ("Logs are deleted after 90 days", "Logs are deleted after 30 days.", "swapped"),
        ("Logs are deleted after two weeks", "Logs are deleted after 14 days.", ""),
        ("室外水管爆裂造成的损失在保险金额内赔付", PIPES, "swapped"),
        ("室内水管爆裂造成的损失在保险金额内赔付", PIPES, ""),
        ("屋里的水管爆了也能赔", PIPES, ""),
        ("前置滤芯半年更换一次", "前置滤芯每六个月更换一次。", ""),
    ],
)  # fmt: skip
def test_what_was_changed_in_a_sentence_of_the_documents_is_found(
    clause: str, sentence: str, why: str
) -> None:
    left, found = change(clause, words(clause), [sentence])
    assert found == why
    assert (left < 1.0) is bool(why)


def test_the_more_is_the_same_the_less_is_left_to_what_was_changed() -> None:
    near = change(
        "The old plant in Leeds makes steel pumps", words(""), ["The old plant in Leeds makes steel pipes."]
    )
    far = change(
        "An old plant in Leeds made steel pumps", words(""), ["The old plant in Leeds makes steel pipes."]
    )
    assert near[0] < far[0] < 1.0  # fmt: skip


def test_a_clause_strewn_over_a_long_sentence_is_no_part_of_it() -> None:
    sentence = (
        "Saver tickets " + "that were bought on the day of a journey by rail or by coach " * 3 + "expire."
    )
    assert align("Saver tickets expire", sentence).close == 0.0

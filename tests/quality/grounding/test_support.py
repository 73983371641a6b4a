"""How well words alone tell what documents support: English and Chinese sentences with known truth.

``sentences`` and ``plain`` are what most answers are like; ``paraphrases`` says nearly everything in words of its own, and lies by
one word. In ``changed`` all is true that is told in other words, and what is false is a sentence of the documents with
one thing changed: the hardest for words alone.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from monitor.quality.grounding.support import Documents, Support, Verdict

SETS: dict[str, list[dict[str, Any]]] = {
    name: json.loads((Path(__file__).parent / f"{name}.json").read_text())
    for name in ("sentences", "plain", "paraphrases", "changed")
}
DOCUMENT = (
    "The X200 pump weighs 14 kg. It was designed by Maria Oberg. Seals are not covered by the warranty."
)


def told(language: str, name: str = "sentences") -> Iterator[tuple[str, Support]]:
    for one in SETS[name]:
        if one["language"] == language:
            documents = Documents(one["documents"])
            for sentence, truth in one["sentences"]:
                yield truth, documents.support(sentence, one["question"])


def auroc(supported: list[float], others: list[float]) -> float:
    wins = sum((one > other) + 0.5 * (one == other) for one in supported for other in others)
    return wins / (len(supported) * len(others))


@pytest.mark.parametrize(
    ("language", "name", "n", "least"),
    [
        ("en", "sentences", 80, 0.97),
        ("zh", "sentences", 80, 0.95),
        ("en", "plain", 51, 0.89),
        ("zh", "plain", 51, 0.94),
        ("en", "paraphrases", 150, 0.9),
        ("zh", "paraphrases", 150, 0.94),
        ("en", "changed", 157, 0.86),
        ("zh", "changed", 157, 0.81),
    ],
)
def test_supported_sentences_score_above_all_others(language: str, name: str, n: int, least: float) -> None:
    found = list(told(language, name))
    supported = [support.score for truth, support in found if truth == "supported"]
    others = [support.score for truth, support in found if truth != "supported"]
    assert len(found) == n
    assert auroc(supported, others) >= least


@pytest.mark.parametrize("language", ["en", "zh"])
def test_refusals_and_repeated_questions_are_told_from_claims(language: str) -> None:
    wanted = {"refusal": Verdict.REFUSAL, "copied": Verdict.NOTHING}
    right = [(support.verdict == wanted.get(truth)) == (truth in wanted) for truth, support in told(language)
             if truth in wanted or support.verdict in wanted.values()]  # fmt: skip
    assert right
    assert all(right)


def test_a_judge_would_be_asked_about_few_sentences() -> None:
    found = [support for language in ("en", "zh") for _, support in told(language)]
    assert sum(one.doubtful for one in found) < 0.3 * len(found)


@pytest.mark.parametrize(
    ("sentence", "why"),
    [
        ("The X200 pump weighs 17 kg.", "number"),
        ("The X200 pump was designed by Peter Lind.", "name"),
        ("Seals are covered by the warranty.", "turned"),
    ],
)
def test_what_the_document_contradicts_is_not_supported_and_says_why(sentence: str, why: str) -> None:
    found = Documents([DOCUMENT]).support(sentence)
    assert found.verdict == Verdict.UNSUPPORTED
    assert found.why == why


@pytest.mark.parametrize(
    ("document", "sentence", "why"),
    [
        ("前置滤芯每六个月更换一次，反渗透膜每两年更换一次。", "反渗透膜每年更换一次。", "number"),
        ("前置滤芯每六个月更换一次。", "前置滤芯半年更换一次。", ""),
        ("员工满十年休 10 天，满二十年休 15 天。", "员工满二十年休二十天。", "number"),
        ("Firmware updates are published every second month.", "Firmware updates come every two months.", ""),
        (
            "Firmware updates are published every second month.",
            "Firmware updates come every month.",
            "number",
        ),
        ("Hotels cost up to 140 euros, in London up to 220.", "In London hotels cost up to 220 euros.", ""),
        ("Private purchases are reimbursed only once.", "Private purchases are always reimbursed.", "turned"),
        ("Members have 14 days to set it up.", "Members have two weeks to set it up.", ""),
        ("Members have 14 days to set it up.", "Members have three weeks to set it up.", "number"),
        ("晚点六十分钟以上赔偿票价的25%。", "晚点超过一小时，赔偿票价的四分之一。", ""),
        ("Send it to Human Resources in Ghent.", "Send it to the HR in Ghent.", ""),
        (
            "Revenue rose to 84 million. Operating profit fell to 6 million.",
            "Operating profit rose to 6 million.",
            "turned",
        ),
    ],
)
def test_what_a_number_counts_and_how_often_is_part_of_what_is_said(
    document: str, sentence: str, why: str
) -> None:
    assert Documents([document]).support(sentence).why == why


def test_a_sentence_names_the_documents_that_hold_it() -> None:
    found = Documents(["Lavender needs sun.", "The pump weighs 14 kg."]).support("The pump weighs 14 kg.")
    assert found.documents == (1,)


def test_another_language_than_the_documents_is_doubtful_not_wrong_for_sure() -> None:
    assert Documents(["整机保修三年。"]).support("The warranty lasts 3 years.").doubtful


def test_nothing_is_supported_by_no_documents() -> None:
    assert Documents([]).support("The pump weighs 14 kg.").verdict == Verdict.UNSUPPORTED

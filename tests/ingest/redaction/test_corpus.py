"""Two and a half thousand texts, Chinese and English: hardly anything personal stays, hardly anything else goes."""

from collections import Counter

import pytest

from monitor.ingest.redaction.finds import Find
from monitor.ingest.redaction.redactor import Redactor, found_in
from tests.ingest.redaction.corpus import Planted, texts


@pytest.fixture(scope="module")
def planted() -> list[Planted]:
    return texts()


def hits(one: Planted, found: list[Find]) -> list[bool]:
    """For each find whether something of its kind was planted there."""
    spans = [(kind, one.text.index(value), one.text.index(value) + len(value)) for kind, value in one.values]
    return [
        any(f.kind == kind and f.start < end and f.end > start for kind, start, end in spans) for f in found
    ]


def test_the_corpus_is_large_and_in_two_languages(planted: list[Planted]) -> None:
    assert len(planted) >= 2_000
    english = sum(sum(c.isascii() for c in one.text) > 0.9 * len(one.text) for one in planted)
    assert 0.25 < english / len(planted) < 0.75


def test_what_is_personal_goes(planted: list[Planted]) -> None:
    missed: Counter[str] = Counter()
    asked: Counter[str] = Counter()
    for one in planted:
        left = Redactor().text(one.text)
        asked.update(kind for kind, _ in one.values)
        missed.update(kind for kind, value in one.values if value in left)
    assert missed.total() <= 0.01 * asked.total(), missed
    assert all(missed[kind] <= 0.03 * n for kind, n in asked.items()), missed


def test_what_only_looks_like_it_stays(planted: list[Planted]) -> None:
    verdicts = [
        (right, one.text[find.start : find.end], one.text)
        for one, found in ((one, found_in(one.text)) for one in planted)
        for find, right in zip(found, hits(one, found), strict=True)
    ]
    wrong = [verdict for verdict in verdicts if not verdict[0]]
    assert len(wrong) <= 0.02 * len(verdicts), wrong[:5]

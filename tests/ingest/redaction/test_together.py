"""Many calls in one look become what each of them becomes by itself."""

import copy
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.ingest.envelope import Context, Generation
from monitor.ingest.redaction import policy as policies
from monitor.ingest.redaction.calls import clean
from monitor.ingest.redaction.policy import Policy
from monitor.ingest.redaction.together import LEAST, clean_all

PIECES = (
    "", "hello", "电话", "13812345678", "ada@example.com", "138", "12345678", "@example.com", "token", "=abcdef",
    "\x00", "\ud800", "\x1e", "\n", "v1.2.3.4", "0123456789abcdef", "护照", "E12345678", "ordinary words of a question",
)  # fmt: skip


def call(dice: random.Random) -> Generation:
    def text() -> str:
        return "".join(dice.choices(PIECES, k=dice.randrange(5)))

    return Generation(
        model=dice.choice(("m", "m 13812345678")), prompt=text(), output=text(), user=text(), session=text(),
        trace_id=text(), error=dice.choice((None, text())),
        attributes={text(): dice.choice((text(), dice.randrange(10**12))) for _ in range(dice.randrange(3))},
        contexts=dice.choice((None, [Context(text(), text()) for _ in range(dice.randrange(3))])),
    )  # fmt: skip


def one_by_one(given: list[Generation], policy: Policy) -> tuple[list[Generation], list[dict[str, int]]]:
    mine = copy.deepcopy(given)
    found = [dict(clean(one, policy)) for one in mine]
    return mine, found


@given(st.integers(0, 2**32))
def test_together_as_one_by_one(seed: int) -> None:
    dice = random.Random(seed)
    sent = [call(dice) for _ in range(dice.randrange(LEAST, 9))]
    expected = one_by_one(sent, policies.made({}, (), b"salt"))
    found = clean_all(sent, policies.made({}, (), b"salt"))
    assert (sent, [dict(one) for one in found]) == expected


def test_a_find_behind_words_at_the_end_of_the_call_before_it_goes() -> None:
    sent = [Generation(model="m", output=text) for text in ("请打电话", "13812345678", "hi", "hi")]
    found = clean_all(sent, policies.made({}, (), b"salt"))
    assert [one.output for one in sent] == ["请打电话", "‹phone:1›", "hi", "hi"]
    assert [dict(one) for one in found] == [{}, {"phone": 1}, {}, {}]


@pytest.mark.parametrize("pattern", ["^badge [0-9]+", r"\Abadge [0-9]+", "badge [0-9]+$"])
def test_a_pattern_that_speaks_of_where_a_text_begins_or_ends(pattern: str) -> None:
    own = policies.made({}, (policies.custom("badge", pattern),), b"salt")
    sent = [Generation(model="m", prompt="x", output="badge 77") for _ in range(LEAST)]
    clean_all(sent, own)
    assert {str(one.output) for one in sent} == {"‹badge:1›"}

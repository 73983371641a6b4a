"""Label sets and matchers behave as Prometheus says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.labels import BadMatcherError, Labels, Matcher, fingerprint

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)
SETS = st.dictionaries(TEXT.filter(bool), TEXT, max_size=5)


@given(SETS)
def test_order_of_writing_does_not_matter(pairs: dict[str, str]) -> None:
    backwards = Labels(dict(reversed(pairs.items())))
    assert Labels(pairs) == backwards
    assert fingerprint(1, Labels(pairs)) == fingerprint(1, backwards)


def test_lasting_sets_are_the_same_and_share_their_pairs() -> None:
    given = {"job": "api", "instance": "a:1", "empty": ""}
    one, other = (Labels({**given, "path": path}, lasting=True) for path in "ab")
    assert one == Labels({**given, "path": "a"})
    assert hash(one) == hash(Labels({**given, "path": "a"}))
    assert one.items_sorted[0] is other.items_sorted[0]


@given(SETS, SETS)
def test_fingerprints_tell_sets_apart(one: dict[str, str], other: dict[str, str]) -> None:
    a, b = Labels(one), Labels(other)
    assert (a == b) == (fingerprint(1, a) == fingerprint(1, b))


def test_a_fingerprint_belongs_to_a_project() -> None:
    labels = Labels({"a": "b"})
    assert fingerprint(1, labels) != fingerprint(2, labels)
    assert fingerprint(1, labels) == fingerprint(1, Labels({"a": "b"}))


def test_an_empty_value_is_no_label() -> None:
    assert Labels({"a": "", "b": "c"}) == Labels({"b": "c"})
    assert Labels({"b": "c"}).having({"b": "", "d": "e"}) == Labels({"d": "e"})


@pytest.mark.parametrize(
    ("op", "value", "text", "hit"),
    [
        ("=", "a", "a", True),
        ("!=", "a", "", True),
        ("=~", "a.*", "abc", True),
        ("=~", "b", "abc", False),
        ("=~", "a.c", "a\nc", True),
        ("!~", "a|b", "b", False),
        ("=~", "", "", True),
    ],
)
def test_matchers_match_whole_values(op: str, value: str, text: str, hit: bool) -> None:
    assert Matcher("l", op, value).matches(text) is hit  # type: ignore[arg-type] # parametrized text


def test_a_bad_regular_expression_says_so() -> None:
    with pytest.raises(BadMatcherError, match="bad regular expression"):
        Matcher("l", "=~", "(")

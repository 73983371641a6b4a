import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards import diffs


def test_only_what_the_other_lacks_is_marked() -> None:
    left, right = diffs.compare("The cat sat down.", "The dog sat down.")
    assert [piece.text for piece in left if piece.mark] == ["cat"]
    assert [piece.text for piece in right if piece.mark] == ["dog"]


def test_chinese_is_compared_character_by_character() -> None:
    left, _right = diffs.compare("退货需要三天", "退货需要九天")
    assert [piece.text for piece in left if piece.mark] == ["三"]


def test_texts_without_anything_in_common_are_left_alone() -> None:
    left, right = diffs.compare("alpha beta gamma", "one two three four")
    assert not any(piece.mark for piece in [*left, *right])


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_letter_is_lost(one: str, other: str) -> None:
    left, right = diffs.compare(one, other)
    assert ("".join(piece.text for piece in left), "".join(piece.text for piece in right)) == (one, other)


@pytest.mark.parametrize("words", [diffs.MOST_WORDS, 3 * diffs.MOST_WORDS])
def test_what_lies_beyond_the_limit_is_kept(words: int) -> None:
    text = "a " * words
    left, _right = diffs.compare(text, text)
    assert "".join(piece.text for piece in left) == text

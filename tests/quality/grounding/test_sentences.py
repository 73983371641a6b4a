import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.quality.grounding.sentences import clauses, split


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("It costs 1.5 euros. Really? Yes!", ["It costs 1.5 euros.", "Really?", "Yes!"]),
        ("保修三年。电机十年！为什么？", ["保修三年。", "电机十年！", "为什么？"]),
        ("Ask Dr. Oberg. She knows.", ["Ask Dr. Oberg.", "She knows."]),
        ("Write to a.b@example.com today.", ["Write to a.b@example.com today."]),
        ("It is so [1]. So it is [2].", ["It is so [1].", "So it is [2]."]),
        ("It is so. [1] So it is.[2]", ["It is so. [1]", "So it is.[2]"]),
        ("- first\n- second", ["first", "second"]),
        ("…", []),
    ],
)
def test_a_text_is_cut_where_sentences_end(text: str, wanted: list[str]) -> None:
    assert [one.text for one in split(text)] == wanted


@given(st.text(alphabet="ab 1.。!？\n[]-，,", max_size=60))
def test_sentences_stand_where_they_say_and_lose_no_letter(text: str) -> None:
    found = split(text)
    assert all(text[one.start : one.end] == one.text for one in found)
    assert [one.start for one in found] == sorted(one.start for one in found)
    letters = [[one for one in piece if one in "ab"] for piece in ("".join(one.text for one in found), text)]
    assert letters[0] == letters[1]


def test_a_comma_inside_a_number_parts_nothing() -> None:
    assert clauses("About 31,000 cars cross it, and trains do") == [
        "About 31,000 cars cross it",
        "and trains do",
    ]

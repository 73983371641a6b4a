import pytest

from monitor.quality.grounding import likewords, phrases
from monitor.quality.grounding.terms import alike, numbers, words


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("31,000 vehicles, 7.2 %", {31000.0, 7.2}),
        ("三万一千辆", {31000.0}),
        ("1.824亿元", {182_400_000.0}),
        ("每周浇水两次", {2.0}),
        ("twice a week, six hours", {2.0, 6.0}),
        ("一律不退", set()),
        ("1998年5月14日", {1998.0, 5.0, 14.0}),
    ],
)
def test_numbers_are_read_however_they_are_written(text: str, wanted: set[float]) -> None:
    assert numbers(text) == wanted


def test_forms_of_a_word_are_one_term() -> None:
    assert words("Ferns grow").terms == words("fern growing").terms


def test_characters_that_carry_grammar_part_no_chinese_pair() -> None:
    assert words("血液里的药物浓度").terms == words("血液中药物浓度").terms


def test_a_capital_inside_a_sentence_and_a_code_are_names() -> None:
    assert words("The pump X200 is from Lisbon").names == {"x200", "lisbon"}


def test_words_that_say_the_same_are_one_term() -> None:
    assert words("The vehicle was bought").terms == words("cars purchased").terms
    assert words("头疼消失").terms == words("头痛消退").terms


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [("conform", "conformity", True), ("contra", "contrast", True), ("insul", "insert", False)],
)
def test_forms_of_a_word_are_told_by_how_they_begin(one: str, other: str, same: bool) -> None:
    assert alike(one, other) is same


def test_a_latin_code_ends_where_chinese_begins() -> None:
    assert "a320" in words("机龄11年的A320").terms


@pytest.mark.parametrize("rows", [likewords.ENGLISH, likewords.CHINESE])
def test_no_word_stands_in_two_rows_and_no_row_holds_opposites(rows: list[list[str]]) -> None:
    every = [word for row in rows for word in row]
    assert len(every) == len(set(every))
    assert not [(a, b) for row in rows for a in row for b in row if phrases.opposed(a, b)]

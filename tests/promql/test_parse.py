"""Text to tree: what is understood, what is refused, and where the error points."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.labels import Matcher
from monitor.promql import tree
from monitor.promql.errors import BadQueryError
from monitor.promql.parse import parse, pretty, result_kind, selector


def test_a_selector_becomes_matchers() -> None:
    assert parse('up{job!="a"} offset -1m @ 5') == tree.Selector(
        (Matcher("__name__", "=", "up"), Matcher("job", "!=", "a")), -60_000, 5_000
    )


def test_equal_texts_give_equal_trees() -> None:
    assert parse("sum by (a) (rate(x[5m]))") == parse("sum by(a)(rate(x[5m]))  # the same")


def test_a_negative_at_is_kept() -> None:
    assert parse("up @ -1.5") == tree.Selector((Matcher("__name__", "=", "up"),), 0, -1_500)


def test_a_raw_string_keeps_its_backslashes() -> None:
    assert selector(r"{path=~`/\d+`}") == (Matcher("path", "=~", r"/\d+"),)


def test_byte_escapes_spell_utf8() -> None:
    assert selector(r'{a="\xc3\xa9\351"}') == (Matcher("a", "=", "é\ufffd"),)


@pytest.mark.parametrize(
    ("text", "position", "says"),
    [
        ("", 0, "no expression"),
        ("sum(", 3, "unclosed left parenthesis"),
        ("a)", 1, "unexpected ')'"),
        ("a b", 2, "expected an operator"),
        ("a +", 3, "expected an operand"),
        ("a\n+ * b", 4, "unexpected '*'"),
        ('up{job="x}', 7, "unterminated quoted string"),
        ("1 + nosuch(up)", 4, "unknown function"),
        ("2 * rate(up)", 9, 'expected type range vector in call to function "rate", got instant vector'),
        ("x[0]", 2, "greater than 0"),
        ('+"x"', 0, "unary expression only allowed"),
        ("rate(+x[5m])", 5, "unary expression only allowed"),
        ("x and fill(0) y", 6, "not allowed for set operators"),
        (r'x{a="\8"}', 5, "unknown escape sequence"),
        (r'x{a="\x4"}', 5, "unknown escape sequence"),
        (r'x{a="b\ud800"}', 6, "stands for no character"),
        (r'"\U99999999"', 1, "stands for no character"),
        (r'"\400"', 1, "stands for no character"),
        ("x[0s]", 2, "greater than 0"),
        ('{a="b" or c="d"}', 7, "unexpected 'or'"),
        ("a $ b", 2, "unexpected character"),
        ('{a=~"("}', 4, "bad regular expression '('"),
        ("{}", 0, "at least one non-empty matcher"),
        ("x[1e400]", 2, "out of range"),
        ("x offset 59e990", 9, "out of range"),
        ("(" * 200 + "1" + ")" * 200, 100, "nested deeper"),
        ("1" + "+1" * 600, 1001, "more than 500 operators"),
        ("-" * 600 + "1", 500, "more than 500 operators"),
        ("x" * 20_000, 16_384, "16384"),
    ],
)
def test_what_is_no_promql_is_refused_with_its_place(text: str, position: int, says: str) -> None:
    with pytest.raises(BadQueryError) as caught:
        parse(text)
    assert says in caught.value.message
    assert caught.value.position == position


def test_the_message_counts_lines_and_columns_from_one() -> None:
    with pytest.raises(BadQueryError, match=r"^2:3: parse error: "):
        parse("a +\n  * b")


@pytest.mark.parametrize(
    ("text", "kind"),
    [("1", "scalar"), ('"a"', "string"), ("a[5m]", "matrix"), ("a + 1", "vector"), ("time() * 2", "scalar")],
)
def test_the_kind_of_result_is_known_before_it_is_computed(text: str, kind: str) -> None:
    assert result_kind(parse(text)) == kind


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1_000_000", 1e6),
        (".123_456", 0.123456),
        ("0x_53_AB", 0x53AB),
        ("1_0.2_5e1_0", 10.25e10),
        ("1_0", 10),
    ],
)
def test_underscores_part_the_digits_of_a_number(text: str, value: float) -> None:
    assert parse(text) == tree.Number(value)


def test_pretty_text_means_the_same() -> None:
    text = "sum without(a)(x{b='c'}) / ignoring(d) group_left y @ 5"
    assert parse(pretty(text)) == parse(text)


@given(st.text(alphabet="ab(){}[]\"'`=~!<>+-*/^%,:@ 019.smhe_\n#\\", max_size=60))
def test_no_text_does_worse_than_a_refusal(text: str) -> None:
    with contextlib.suppress(BadQueryError):
        parse(text)


@pytest.mark.parametrize(
    ("text", "edges"),
    [
        ("rate(x[5m] anchored)", "anchored"),
        ('rate(x{a="b"} smoothed [5m] offset 1m)', "smoothed"),
        ("rate(x[5m] offset -(1m + 5s) anchored)", "anchored"),
        ("rate(x[5m] @ end() smoothed)", "smoothed"),
    ],
)
def test_what_stands_at_the_ends_of_a_range_belongs_to_its_selector(text: str, edges: str) -> None:
    (call,) = tree.children(parse(text))
    assert isinstance(call, tree.Range)
    assert call.selector.edges == edges
    assert [matcher.label for matcher in call.selector.matchers if matcher.label.startswith("__vigil")] == []


def test_an_operator_that_the_wheel_lacks_stands_where_it_was_written() -> None:
    root = parse("a < b >/ (c </ d) > e")
    assert isinstance(root, tree.Binary)
    assert isinstance(root.left, tree.Binary)
    assert isinstance(root.left.right, tree.Binary)
    assert (root.op, root.left.op, root.left.right.op) == (">", ">/", "</")


def test_what_the_printer_lacks_is_left_as_it_is() -> None:
    assert pretty(" rate(x[5m] anchored) ") == "rate(x[5m] anchored)"
    assert pretty("a </ 2") == "a </ 2"

"""Every refusal names the construct and points at it; the mark ^ stands before the character that is meant."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.promql.errors import BadQueryError
from monitor.promql.parse import parse

REFUSED = [
    ("sum by ^a (x)", "unexpected 'a', expected '(' after by"),
    ("sum by (a,^,b) (x)", "unexpected ',', expected a label name"),
    ("sum by (^1) (x)", "unexpected '1', expected a label name"),
    ("sum without (x)^", "unexpected end of input, expected '(' with the arguments"),
    ("y + rate(^x)", 'expected type range vector in call to function "rate", got instant vector'),
    ("rate(x[5m]) + rate(^y)", "expected type range vector"),
    ("rate(x[^5q])", "bad number or duration '5q' in brackets"),
    ("rate(x[^-5m])", "bad number or duration '-5m' in brackets"),
    ("rate(x[^])", "missing duration in brackets"),
    ("rate(x[5m:1m^:1m])", "second ':'"),
    ("x[5m]^[5m]", "ranges only allowed for vector selectors"),
    ("x offset^", "expected a duration such as 5m after offset"),
    ("x offset ^foo", "unexpected 'foo', expected a duration"),
    ("x @ ^foo", "expected a time, start() or end() after @"),
    ("x offset 5m ^offset 1m", "offset may not be set multiple times"),
    ("x @ 1 ^@ 2", "may not be set multiple times"),
    ("x{a=^b}", "unexpected 'b', expected a quoted value"),
    ('x{a="b",^,c="d"}', "unexpected ',', expected a label name in the matchers"),
    ('x{^="b"}', "expected a label name in the matchers"),
    ("x{a^}", "expected a matching operator"),
    ('{"a" ^"b"}', "expected a matching operator"),
    ('x{a="b"}^{c="d"}', "unexpected '{', expected an operator"),
    ('x{^__name__="y"}', "metric name must not be set twice"),
    ('1 + ^{a=""}', "at least one non-empty matcher"),
    ('x{a="b", c=~^"("}', "bad regular expression '('"),
    ("1 + ^* x", "unexpected '*', expected an operand"),
    ("x + +^", "unexpected end of input, expected an operand"),
    ("y + (x ^and 1)", 'set operator "and" not allowed in binary scalar expression'),
    ("x > on(a ^b) y", "unexpected 'b', expected ',' or ')' between label names"),
    ("x ^group_left y", "unexpected 'group_left'"),
    ("x and on(a) ^group_left y", 'no grouping allowed for "and" operation'),
    ("x / ignoring(a) ^bool y", "unexpected 'bool', expected an operand"),
    ("x ^bool y", "unexpected 'bool', expected an operator"),
    ("x + ^foo(y)", 'unknown function with name "foo"'),
    ("abs(x) + ^abs(x, y)", 'expected 1 argument(s) in call to "abs", got 2'),
    ('abs(^"a")', 'expected type instant vector in call to function "abs", got string'),
    ("1 + ^topk(x)", "wrong number of arguments for aggregate expression"),
    ("topk(1, ^2)", "expected type instant vector in aggregation expression, got scalar"),
    ('quantile(^"a", x)', "expected type scalar in aggregation expression, got string"),
    ("count_values(^1, x)", "expected type string in aggregation expression, got scalar"),
    ("sum(^x[5m])", "expected type instant vector in aggregation expression, got range vector"),
    ("1 + ^sum()", "no arguments for aggregate expression"),
    ("sum(x, ^)", "unexpected ')', expected an argument"),
    ("x ^= y", "matchers stand in braces"),
    ("x + ^1x", "bad number or duration '1x'"),
    ("y + ^x[5m]", "binary expression must contain only scalar and instant vector types"),
    ("1 ^> 2", "comparisons between scalars must use BOOL modifier"),
    ('1 + ^-"a"', "unary expression only allowed on expressions of type scalar or instant vector"),
    ("x^, y", "unexpected ',', expected an operator or the end"),
    ("x + (^)", "unexpected ')', expected an operand"),
    ("^on(a) x", "unexpected 'on', expected an operand"),
    (r'x{a="^\q"}', "unknown escape sequence"),
]  # fmt: skip


@pytest.mark.parametrize(("marked", "says"), REFUSED)
def test_a_refusal_points_at_what_is_wrong(marked: str, says: str) -> None:
    position = marked.index("^")
    with pytest.raises(BadQueryError) as caught:
        parse(marked.replace("^", "", 1))
    assert says in caught.value.message
    assert caught.value.position == position
    assert caught.value.message.startswith(f"1:{position + 1}: parse error: ")


WORDS = ["x", "sum", "by", "(", ")", "{", "}", "[5m]", "a", "=", '"b"', ",", "+", "and", "on", "rate", "offset", "5m", "@", "1", "-", "bool"]  # fmt: skip


@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=12).map(" ".join))
def test_no_refusal_is_without_a_reason(text: str) -> None:
    message = ""
    try:
        parse(text)
    except BadQueryError as error:
        message = error.message
    assert "this is no PromQL expression" not in message


def test_a_deep_expression_is_refused_all_the_same() -> None:
    with pytest.raises(BadQueryError):
        parse("(" * 95 + "-" * 495 + "x y" + ")" * 95)

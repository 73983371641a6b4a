"""What other engines are asked: every expression of the scripts, written out anew, is still the same tree."""

from pathlib import Path

import pytest

from monitor.promql.errors import BadQueryError
from monitor.promql.parse import parse
from monitor.promql.text import text_of
from tests.promql.language import cases

EXPRESSIONS = sorted({case.expr for path in Path(__file__).parent.glob("*.test") for case in cases(path)})


def test_every_expression_comes_back() -> None:
    read = 0
    for expr in EXPRESSIONS:
        if "fill" in expr:
            continue
        try:
            tree = parse(expr)
        except BadQueryError:
            continue
        assert repr(parse(text_of(tree))) == repr(tree), expr
        read += 1
    assert read > 100


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("up", "up"),
        ('up{job="a"}[5m] offset 1m', '{__name__="up", job="a"}[300000ms] offset 60000ms'),
        ("a + b * 2", "(a) + ((b) * (2))"),
        ("sum without (x) (a @ end())", "sum without (x) (a @ end())"),
        ("info(up, {})", 'info(up, {__name__="target_info"})'),
        ('{"strange name", "a b"="c\\"\\n"}', '{__name__="strange name", "a b"="c\\"\\n"}'),
    ],
)
def test_texts_are_plain(given: str, written: str) -> None:
    assert text_of(parse(given)) == written


def test_what_others_cannot_read_is_refused() -> None:
    with pytest.raises(BadQueryError, match="fill"):
        text_of(parse("a + fill(0) b"))

"""What is remembered of expressions is bounded, however many different ones somebody asks."""

from monitor.promql import parse, plan, tree
from monitor.promql.remembered import Remembered
from monitor.promql.values import Grid

LONG = 'sum(rate(x{n="%d", a=~"b.*"}[5m])) / sum(rate(y{n="%d"}[5m]))'


def test_those_asked_for_least_recently_go() -> None:
    kept: Remembered[str, int] = Remembered(10)
    for number, name in enumerate("abc"):
        kept.put(name, number, 4)
        kept.get("a")
    assert [kept.get(name) for name in "abc"] == [0, None, 2]


def test_what_is_kept_anew_counts_once() -> None:
    kept: Remembered[str, int] = Remembered(10)
    for number in range(5):
        kept.put("a", number, 6)
    assert (kept.get("a"), kept.used) == (4, 6)


def test_what_is_too_heavy_is_not_kept() -> None:
    kept: Remembered[str, int] = Remembered(10)
    kept.put("a", 1, 11)
    assert (kept.get("a"), kept.used) == (None, 0)


def test_an_expression_weighs_its_nodes_and_matchers() -> None:
    assert tree.weight(parse.parse('sum(x{a="1"} + y{b=~"2.*"})')) == 4 + (1 + 1) + (1 + 3)


def test_new_expressions_push_old_ones_out() -> None:
    small: Remembered[tuple[str, object], tree.Node] = Remembered(100)
    before, parse._trees = parse._trees, small  # type: ignore[assignment] # a smaller one
    try:
        for number in range(50):
            plan.plan(parse.parse(LONG % (number, number)), Grid(0, 0, 1), max_samples=1)
        assert 0 < small.used <= 100
        assert parse.parse(LONG % (49, 49)) is parse.parse(LONG % (49, 49))
    finally:
        parse._trees = before

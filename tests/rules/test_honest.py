"""What an author is told before saving."""

import datetime as dt
from collections.abc import Callable

import pytest

from monitor.core import clock
from monitor.core.labels import Labels
from monitor.promql import parse
from monitor.rules import build, honest
from monitor.rules.build import BadWishError, Wish, expression
from monitor.rules.templates import check
from monitor.store.samples import append
from tests.fixtures.fix_cast import NOON, Cast

P99 = "histogram_quantile(0.99, sum by (le) (rate(seconds_bucket[5m])))"
Told = Callable[[str], list[tuple[str, str, str]]]


@pytest.fixture
def told(cast: Cast) -> Told:
    """The remarks on an expression in a project with one classic histogram and one counter."""
    labels = [
        *(
            Labels({"__name__": "seconds_bucket", "le": le, "version": "v1"})
            for le in ("0.1", "0.25", "0.5", "1", "+Inf")
        ),
        Labels({"__name__": "requests_total", "version": "v1"}),
    ]
    append.samples(cast.project.id, [(one, clock.to_ms(NOON) - 60_000, 1.0) for one in labels], now=NOON)

    def remarks(expr: str) -> list[tuple[str, str, str]]:
        found = honest.remarks(cast.project.id, expr, now=NOON + dt.timedelta(minutes=1))
        return [(one.kind, one.text, one.suggestion) for one in found]

    return remarks


@pytest.mark.parametrize(
    "limit, low, high, nearest",
    [("> 0.3", "0.25", "0.5", "0.25"), ("> 0.49", "0.25", "0.5", "0.5"), ("* 1000 > 300", "250", "500", "250"), ("< 0.05", "0", "0.1", "0.1")],
)  # fmt: skip
def test_a_limit_inside_a_bucket_is_flagged(
    told: Told, limit: str, low: str, high: str, nearest: str
) -> None:
    (_, text, better), *_rest = told(f"{P99} {limit}")
    assert f"cannot tell {low} from {high}" in text
    assert better.endswith(f" {nearest}")


@pytest.mark.parametrize("limit", ["> 0.5", "> 0.25", "* 1000 > 500", "> 1"])
def test_a_limit_on_a_bound_is_fine(told: Told, limit: str) -> None:
    assert [kind for kind, *_ in told(f"{P99} {limit}")] == ["silent"]


def test_a_limit_above_the_last_bucket_can_never_be_passed(told: Told) -> None:
    (_, text, better), *_rest = told(f"{P99} > 30")
    assert "ends at 1" in text
    assert better == f"{P99} > 1"


@pytest.mark.parametrize(
    "expr, complaint",
    [
        ("request_total > 5", "Did you mean requests_total?"),
        ('requests_total{version="v9"} > 5', "exists, but no series"),
        ("nothing_like_it > 5", "can't fire"),
    ],
)
def test_series_that_do_not_exist_are_said(told: Told, expr: str, complaint: str) -> None:
    ((kind, text, _),) = told(expr)
    assert kind == "missing"
    assert complaint in text


def test_a_rule_for_missing_data_is_suggested(told: Told) -> None:
    assert [one[2] for one in told('rate(requests_total{version="v1"}[5m]) < 1')] == [
        'absent(requests_total{version="v1"})'
    ]


@pytest.mark.parametrize(
    "guard, kinds", [(">= 50", ["guarded", "silent"]), (">= 1", ["silent"]), ("< 50", ["silent"])]
)
def test_a_guard_that_nothing_passes_is_said(told: Told, guard: str, kinds: list[str]) -> None:
    found = told(f"requests_total > 0.5 and sum(requests_total) {guard}")
    assert [kind for kind, *_ in found] == kinds
    assert "guarded" not in kinds or "sum(requests_total) >= 50, and that is 1 at most" in found[0][1]


@pytest.mark.parametrize("expr", ["absent(requests_total)", "absent(nothing)", "sum(", "vector(1) > 0"])
def test_nothing_is_said_where_nothing_is_wrong(told: Told, expr: str) -> None:
    assert told(expr) == []


@pytest.mark.parametrize("measure", build.MEASURES)
@pytest.mark.parametrize("against", build.AGAINST)
def test_every_rule_that_can_be_built_is_a_good_one(measure: str, against: str) -> None:
    wish = Wish(measure=measure, model='q"1', version="v2", against=against, stable="v1")
    parse.parse(expression(wish))
    name, summary = build.words(wish)
    assert name.isidentifier()
    check(summary)


def test_a_rule_can_be_built_without_a_word_of_promql() -> None:
    wish = Wish(measure="p95", version="v2", window="30m", limit=1.5, against="version", stable="v1", least=0)
    assert " ".join(expression(wish).split()) == (
        'histogram_quantile(0.95, sum by (model, version) (rate(llm_request_duration_seconds{version="v2"}[30m])))'
        " > on (model) group_left () 1.5 * ("
        ' histogram_quantile(0.95, sum by (model) (rate(llm_request_duration_seconds{version="v1"}[30m]))) )'
    )


@pytest.mark.parametrize("calls, least", [(None, 1), (1, 1), (12, 6), (5000, 50)])
def test_few_calls_ask_for_few(calls: float | None, least: int) -> None:
    assert build.fitting(calls) == least


@pytest.mark.parametrize("changes", [{"measure": "x"}, {"window": "9y"}, {"op": "="}, {"against": "version"}])
def test_a_wish_that_makes_no_rule_is_refused(changes: dict[str, str]) -> None:
    with pytest.raises(BadWishError):
        expression(Wish(**changes))  # type: ignore[arg-type] # a table of texts

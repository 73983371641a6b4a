"""Warnings and infos end with the place that they speak of, as line and column."""

import pytest

from monitor.promql.places import placed

COUNTER = "PromQL info: metric might not be a counter, name does not end in _total: {}"
QUANTILE = "PromQL warning: quantile value should be between 0 and 1, got 2"
IGNORED = "PromQL info: ignored histogram in {} aggregation"
LAYOUT = "PromQL warning: incompatible bucket layout encountered for binary operator +"


@pytest.mark.parametrize(
    ("text", "note", "of", "place"),
    [
        ("rate(a[5m])", COUNTER.format('"a"'), "rate", "1:6"),
        ("  sum( rate ((a)[5m:]))", COUNTER.format('"a"'), "rate", "1:14"),
        ("1 +\n  rate(a[5m])", COUNTER.format('"a"'), "rate", "2:8"),
        ("rate(a[5m]) / rate(b[5m])", COUNTER.format('"b"'), "rate", "1:20"),
        ('rate({__name__="a"}[5m]) / rate(b[5m])', COUNTER.format('"a"'), "rate", "1:6"),
        ("quantile by (x) (2, a)", QUANTILE, "quantile", "1:18"),
        ("quantile(1 + 1, a) by (x)", QUANTILE, "quantile", "1:10"),
        ("histogram_quantile(2, rate(a[5m]))", QUANTILE, "histogram_quantile", "1:20"),
        ("stddev without (x) (a)", IGNORED.format("stddev"), "stddev", "1:21"),
        ("topk(2, a)", IGNORED.format("topk"), "topk", "1:9"),
        ("a + on (x) group_left () b", LAYOUT, "+", "1:1"),
        ("-1 + a * b + c", LAYOUT, "*", "1:6"),
        ("(a + b) * c", LAYOUT, "+", "1:2"),
        ("c > on (x) (d) a + b", LAYOUT, ">", "1:1"),
        ("sum(c) by (x) or on (x) a * b + d", LAYOUT, "+", "1:25"),
        ("sum(c) by (x) or on (x) a * b + d", LAYOUT, "*", "1:25"),
    ],
)
def test_a_note_is_placed(text: str, note: str, of: str, place: str) -> None:
    assert placed(text, {note: of}) == [f"{note} ({place})"]


def test_what_belongs_nowhere_stays_as_it_is() -> None:
    assert placed("rate(a[5m])", {"PromQL info: old": "", "PromQL info: odd": "deriv"}) == [
        "PromQL info: old",
        "PromQL info: odd",
    ]


def test_of_many_notes_ten_are_told() -> None:
    told = placed("a", {f"PromQL warning: {number}": "" for number in range(13)}, "warning")
    assert told[9:] == ["PromQL warning: 9", "3 more warning annotations omitted"]

"""Questions about histograms, turned to series of single buckets."""

import pytest

from monitor.promql.errors import BadQueryError
from monitor.promql.parse import parse
from monitor.promql.text import text_of
from monitor.remote import vmrange

NAMES = frozenset({"h"})


@pytest.mark.parametrize(
    ("given", "turned"),
    [
        ("sum(rate(x[5m]))", "sum(rate(x[300000ms]))"),
        ("histogram_quantile(0.9, sum by (v) (rate(h[5m])))", "histogram_quantile(0.9, sum by (v, vmrange) (rate(h_bucket[300000ms])))"),
        ("histogram_quantile(0.9, sum(rate(h[5m])))", "histogram_quantile(0.9, sum by (vmrange) (rate(h_bucket[300000ms])))"),
        ("histogram_quantile(0.9, sum without (v) (h))", "histogram_quantile(0.9, sum without (v) (h_bucket))"),
        ("histogram_count(sum(increase(h[5m])))", "sum(increase(h_count[300000ms]))"),
        ("histogram_avg(rate(h[5m]))", "(rate(h_sum[300000ms])) / (rate(h_count[300000ms]))"),
        ("histogram_fraction(0, 2, h)", "(histogram_share(2, h_bucket)) - (histogram_share(0, h_bucket))"),
        ("count(h)", "count(h_count)"),
        ("absent(h) or x", "(absent(h_count)) or (x)"),
        ("2 * rate(h[5m])", "(2) * (rate(h_bucket[300000ms]))"),
        ('histogram_sum(h{a="b"})', '{__name__="h_sum", a="b"}'),
    ],
)  # fmt: skip
def test_each_use_has_its_series(given: str, turned: str) -> None:
    assert text_of(vmrange.turned(parse(given), NAMES)) == turned


@pytest.mark.parametrize(
    "given", ["h + h", "avg(h)", "-h", "rate(h[5m:1m])", "abs(h)", "topk(1, h)", "h > 2"]
)
def test_what_cannot_be_turned_is_refused_by_name(given: str) -> None:
    with pytest.raises(BadQueryError, match="of a native histogram is not possible"):
        vmrange.turned(parse(given), NAMES)


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("sum(rate(x[5m]))", "sum((increase(x[300000ms])) / (300))"),
        ("max_over_time(x[5m])", 'label_del(max_over_time(x[300000ms]), "__name__")'),
        ("last_over_time(x[5m])", "last_over_time(x[300000ms])"),
    ],
)
def test_other_meanings_are_written_out(given: str, meant: str) -> None:
    assert text_of(vmrange.in_metricsql(parse(given))) == meant

import datetime as dt

import pytest

from monitor.alerting.comparison import Comparer, expr_of
from monitor.core import clock
from monitor.core.labels import NAME, Labels
from monitor.store.samples import append
from tests.fixtures.fix_cast import NOON, Cast
from tests.kits import receiver as kit


@pytest.mark.parametrize("link, expr", [
    ("/p/shop/explore/?expr=a%20%3E%201", "a > 1"),
    ("http://prometheus:9090/graph?g0.expr=up+%3D%3D+0&g0.tab=1", "up == 0"),
    ("http://x/", ""), ("", ""), ("http://[", ""),
])  # fmt: skip
def test_the_expression_is_read_out_of_the_link(link: str, expr: str) -> None:
    assert expr_of(link) == expr


def test_the_other_versions_of_the_same_model_are_named(cast: Cast) -> None:
    at = clock.to_ms(NOON)
    samples = [("q", "v1", 0.25), ("q", "v2", 0.7), ("q", "v3", 0.3), ("other", "v1", 9.0)]
    rows = [
        (Labels({NAME: "p99", "model": model, "version": version}), at, value)
        for model, version, value in samples
    ]
    append.samples(cast.project.pk, rows, now=NOON)
    alert = kit.alert(model="q") | {"link": "/p/shop/explore/?expr=p99%20%3E%200.5"}
    found = Comparer().facts(cast.project.pk, alert, now=NOON + dt.timedelta(seconds=1))
    assert found == {"limit": "> 0.5", "siblings": "v1: 0.25, v3: 0.3"}


def test_a_limit_that_counts_only_under_a_condition_is_told_too(cast: Cast) -> None:
    alert = kit.alert() | {"link": "/p/shop/explore/?expr=p99%20%3E%200.5%20and%20calls%20%3E%3D%2012"}
    assert Comparer().facts(cast.project.pk, alert, now=NOON)["limit"] == "> 0.5"


def test_what_can_not_be_asked_is_left_out(cast: Cast) -> None:
    alert = kit.alert() | {"link": "/p/shop/explore/?expr=nosuch%20%3E%200.5"}
    assert Comparer().facts(cast.project.pk, alert, now=NOON)["siblings"] == ""
    assert Comparer().facts(cast.project.pk, kit.alert() | {"link": ""}, now=NOON) == {}

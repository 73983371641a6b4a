"""Rules of a Prometheus rule file over real series, from the store through PromQL to a webhook and back."""

import datetime as dt
from dataclasses import dataclass
from functools import partial

import pytest

from monitor.alerting import deliver, receive
from monitor.core import clock
from monitor.core.labels import Labels, Matcher
from monitor.core.samples import Selection, is_stale
from monitor.rules import evaluate, exchange, read, yaml
from monitor.rules.history import Author
from monitor.rules.models import RuleGroup
from monitor.store.reading import select
from monitor.store.samples import append
from tests.fixtures.fix_alerting import Pager
from tests.fixtures.fix_cast import NOON
from tests.rules.test_yaml import PADDLE

TERMS = exchange.Terms(Author("ada", NOON))
BOUNDS = (0.1, 0.25, 0.5, 1.0, 2.5)


@dataclass
class Service:
    """Counters and a classic histogram, sampled every 15 s, as a scrape would bring them."""

    project_id: int
    at: dt.datetime = NOON
    requests: float = 0
    errors: float = 0
    slow: float = 0

    def live(
        self,
        minutes: float,
        *,
        per_second: float = 2,
        error_rate: float = 0,
        slow_rate: float = 0,
        every: int = 15,
    ) -> None:
        points = []
        for _ in range(int(minutes * 60 / every)):
            self.at += dt.timedelta(seconds=every)
            self.requests += per_second * every
            self.errors += per_second * every * error_rate
            self.slow += per_second * every * slow_rate
            points += self._sampled(clock.to_ms(self.at))
        append.samples(self.project_id, points, now=self.at)

    def _sampled(self, at: int) -> list[tuple[Labels, int, float]]:
        base = {"job": "paddle", "version": "v2"}
        buckets = [
            (Labels({"__name__": "paddle_model_latency_seconds_bucket", "le": le, **base}), at, count)
            for le, count in [
                *((str(b), self.requests - self.slow * (b < 1.0)) for b in BOUNDS),
                ("+Inf", self.requests),
            ]
        ]
        return [
            (Labels({"__name__": "paddle_model_requests_total", **base}), at, self.requests),
            (Labels({"__name__": "paddle_model_errors_total", **base}), at, self.errors),
            *buckets,
        ]


@pytest.fixture
def service(pager: Pager) -> Service:
    exchange.take(pager.cast.project.id, yaml.load(PADDLE), TERMS)
    RuleGroup.objects.update(interval_ms=30_000)
    return Service(pager.cast.project.id)


def tick(service: Service) -> None:
    tell = partial(receive.take, now=service.at)
    evaluate.run_due(evaluate.stored(tell, now=service.at), now=service.at)
    deliver.run_due(now=service.at)


def live(service: Service, minutes: int, *, error_rate: float = 0, slow_rate: float = 0) -> None:
    """Half a minute at a time: samples, evaluation, delivery."""
    for _ in range(minutes * 2):
        service.live(0.5, error_rate=error_rate, slow_rate=slow_rate)
        tick(service)


def state_of(service: Service, name: str) -> str:
    return next(rule.state for rule in read.rules(service.project_id) if rule.name == name)


def test_the_error_rate_rule_fires_after_five_minutes_and_resolves(service: Service, pager: Pager) -> None:
    live(service, 6)
    assert state_of(service, "HighModelErrorRate") == "inactive"
    live(service, 2, error_rate=0.05)
    assert state_of(service, "HighModelErrorRate") == "pending"
    live(service, 5, error_rate=0.05)
    assert state_of(service, "HighModelErrorRate") == "firing"
    live(service, 7)
    assert state_of(service, "HighModelErrorRate") == "inactive"
    assert pager.heard == ["firing HighModelErrorRate", "resolved HighModelErrorRate"]
    first = pager.service.received[0].json["alerts"][0]
    assert first["labels"]["severity"] == "critical"
    assert first["annotations"]["description"].startswith("Error rate is above 1% (current value: 0.0")


def test_the_latency_rule_fires_on_a_classic_histogram_and_resolves(service: Service, pager: Pager) -> None:
    live(service, 6)
    live(service, 12, slow_rate=0.2)
    assert state_of(service, "HighModelLatency") == "firing"
    (alert,) = read.alerts(service.project_id)
    assert dict(alert.labels) == {"alertname": "HighModelLatency", "severity": "warning", "version": "v2"}
    assert 0.5 < alert.value <= 1.0
    live(service, 7)
    assert pager.heard == ["firing HighModelLatency", "resolved HighModelLatency"]


def test_the_traffic_rule_compares_with_seven_days_and_resolves(service: Service, pager: Pager) -> None:
    service.live(7 * 24 * 60, per_second=2, every=60)
    RuleGroup.objects.update(interval_ms=300_000)
    for _ in range(5):
        service.live(5, per_second=0.5)
        tick(service)
    assert state_of(service, "LowModelQPS") == "firing"
    service.live(10, per_second=2)
    tick(service)
    assert state_of(service, "LowModelQPS") == "inactive"
    tick_later(service)
    assert pager.heard == ["firing LowModelQPS", "resolved LowModelQPS"]


def tick_later(service: Service) -> None:
    deliver.run_due(now=service.at + dt.timedelta(minutes=2))


def test_the_alerts_series_can_be_asked_and_ends_with_a_marker(service: Service) -> None:
    live(service, 6)
    live(service, 7, error_rate=0.05)
    live(service, 7)
    matchers = (Matcher("__name__", "=", "ALERTS"), Matcher("alertstate", "=", "firing"))
    span = (clock.to_ms(NOON), clock.to_ms(service.at))
    ((series,),) = select.select(service.project_id, [Selection(matchers, *span)], max_samples=10**6)
    assert series.values[0] == 1.0
    assert list(is_stale(series.values)) == [False] * (len(series.values) - 1) + [True]

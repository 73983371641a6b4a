"""Vigil's own numbers, kept by every process and read together at ``/metrics``.

Processes share a folder (``PROMETHEUS_MULTIPROC_DIR``, set by whoever starts them); without one each process
tells its own numbers only.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from prometheus_client import (
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    start_http_server,
)
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

FOLDER = "PROMETHEUS_MULTIPROC_DIR"

records = Counter("vigil_ingest_records", "Records that came in.", ["protocol", "outcome"])
busy = Counter("vigil_ingest_busy", "Requests sent away because too much was being stored at once.")
dropped = Counter(
    "vigil_ingest_dropped", "Items that were sent and not stored, by reason.", ["dialect", "reason"]
)
refused = Counter("vigil_samples_refused", "Samples that were not stored, by reason.", ["reason"])
requests = Histogram("vigil_ingest_request_seconds", "From a batch's last byte to its commit.", ["protocol"])
queries = Histogram("vigil_query_seconds", "PromQL over HTTP, whole answers.", ["endpoint"])
query_memory = Gauge(
    "vigil_query_memory_bytes", "What queries under way hold, by their own count.", multiprocess_mode="livesum"
)  # fmt: skip
queries_sent_away = Counter("vigil_queries_sent_away", "Large queries for which there was no room in time.")
tasks = Histogram("vigil_task_seconds", "Background tasks.", ["task"])
rules = Counter("vigil_rule_evaluations", "Rules that were evaluated.", ["outcome"])
rule_lag = Histogram(
    "vigil_rule_lag_seconds", "From the time a rule group was due to its commit.",
    buckets=(0.5, 1, 2.5, 5, 7.5, 10, 15, 20, 30, 60, 120),
)  # fmt: skip
shipped = Counter("vigil_shipped_samples", "Samples for a series store elsewhere.", ["outcome"])
deliveries = Counter("vigil_deliveries", "Messages that were tried.", ["receiver", "outcome"])
task_failures = Counter("vigil_task_failures", "Background tasks that ended in an error.", ["task"])

# as Prometheus calls its own, so that its alert rules about rule groups work here
_NEWEST: Literal["mostrecent"] = "mostrecent"
rule_iterations = Counter(
    "prometheus_rule_group_iterations", "Rule groups that were evaluated.", ["rule_group"]
)
rule_iterations_missed = Counter(
    "prometheus_rule_group_iterations_missed", "Evaluations that were due and did not happen.", ["rule_group"]
)
rule_failures = Counter("prometheus_rule_evaluation_failures", "Rules that could not ask.", ["rule_group"])
rule_last_seconds = Gauge(
    "prometheus_rule_group_last_duration_seconds",
    "The last evaluation.",
    ["rule_group"],
    multiprocess_mode=_NEWEST,
)
rule_last_time = Gauge(
    "prometheus_rule_group_last_evaluation_timestamp_seconds", "When a group was evaluated last.", ["rule_group"],
    multiprocess_mode=_NEWEST,
)  # fmt: skip
rule_interval = Gauge(
    "prometheus_rule_group_interval_seconds", "How often a group is evaluated.", ["rule_group"], multiprocess_mode=_NEWEST
)  # fmt: skip
rule_rules = Gauge(
    "prometheus_rule_group_rules", "Rules of a group.", ["rule_group"], multiprocess_mode=_NEWEST
)


def told() -> bytes:
    """The numbers of all processes in Prometheus' text format."""
    return generate_latest(_registry())


def serve(host: str, port: int) -> None:
    """Tell them on a port of their own, to anybody: for workers that have no web server beside them."""
    start_http_server(port, host, _registry())


def _registry() -> CollectorRegistry:
    if not os.environ.get(FOLDER):
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call] # the library's signature
    return registry


def forget_process(pid: int) -> None:
    """A process has ended: its gauges go, its counts stay."""
    if os.environ.get(FOLDER):
        mark_process_dead(pid)  # type: ignore[no-untyped-call] # as above


def described() -> list[tuple[str, str, str]]:
    """(name, type, help) of every meter above, for the manual."""
    found = [meter for meter in globals().values() if isinstance(meter, MetricWrapperBase)]
    families = sorted((next(iter(meter.describe())) for meter in found), key=lambda family: family.name)
    return [(family.name, family.type, family.documentation) for family in families]


@contextmanager
def task(name: str) -> Iterator[None]:
    """Time a task and count its failure."""
    with tasks.labels(name).time():
        try:
            yield
        except BaseException:
            task_failures.labels(name).inc()
            raise

"""A real Prometheus scrapes a service and remote-writes to Vigil; then both are asked the same questions."""

import json
import math
import shutil
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.fix_paddle import Paddle
from tests.fixtures.fix_product import Product, free_port

PROMETHEUS = shutil.which("prometheus")
pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(
        PROMETHEUS is None,
        reason="needs Prometheus: apt-get install prometheus && systemctl disable --now prometheus",
    ),
]
PATIENCE_SECONDS = 60
SCRAPES = 14
CONFIG = """
global: {{scrape_interval: 1s, scrape_timeout: 900ms}}
scrape_configs:
  - job_name: paddle
    static_configs: [{{targets: ["{target}"], labels: {{zone: "cn"}}}}]
remote_write:
  - url: {url}/api/v1/write
    authorization: {{credentials: "{key}"}}
    queue_config: {{batch_send_deadline: 500ms, min_shards: 1, max_shards: 1}}
"""
R, L = "paddle_model_requests_total", "paddle_model_latency_seconds"
# Prometheus 2 counts a sample at the left edge of a range; the moments asked lie between scrapes
QUESTIONS = [
    "up", "time()", "scrape_samples_scraped", "timestamp(up)", R, f"{R} offset 3s", f"{R} > bool 10", f"-{R}", f"{R}[5s]",
    f"rate({R}[6s])", f"irate({R}[6s])", f"increase({R}[7s])", f"idelta({R}[4s])", f"deriv({R}[6s])", f"sum(rate({R}[6s]))",
    f"sum by (version) (rate({R}[6s]))", f"avg without (version) ({R})", f"topk(1, {R})", f"bottomk(1, {R})",
    f"quantile(0.3, {R})", f'count_values("n", {R})', f"stddev({R})", f"group({R})", f"changes({R}[8s])", f"resets({R}[8s])",
    f"predict_linear({R}[8s], 60)", f"max_over_time(rate({R}[4s])[8s:2s])", f"sum_over_time({R}[5s])",
    f"stdvar_over_time({R}[6s])", f"quantile_over_time(0.7, {R}[6s])", f"last_over_time({R}[3s])", f"absent({R})",
    "absent(nosuch{a='b'})", f"paddle_model_errors_total / on (version, instance) group_left {R}",
    f"rate(paddle_model_errors_total[6s]) / rate({R}[6s])", f'{R}{{version=~"v[12]", zone!=""}}',
    f'label_replace({R}, "v", "$1", "version", "v(.)")', f'label_join({R}, "x", "-", "job", "version")',
    f'{R} and {R}{{version="v1"}}', f'{R}{{version="v1"}} or up', f'{R} unless {R}{{version="v1"}}', f"sort_desc({R})",
    f"histogram_quantile(0.9, sum by (le, version) (rate({L}_bucket[6s])))", f"{L}_sum / {L}_count",
    f"histogram_quantile(0.5, {L}_bucket)", f"clamp_max({R}, 20)", f"round(rate({R}[6s]), 0.5)", f"scalar(sum({R}))",
    "vector(1)", "sum(process_resident_memory_bytes)", f"ceil(sqrt(ln({R} + 1)))", "hour() + minute()",
    f"rate({R}[6s] @ start())", f"{R} ^ 2 % 7", "1 / 0", f"present_over_time({R}[5s])", f"sum({R}) by (job, zone)",
]  # fmt: skip


class Asked:
    """One of the two servers, seen through the HTTP API."""

    def __init__(self, url: str, key: str = "") -> None:
        self.url, self.headers = url, {"authorization": f"Bearer {key}"} if key else {}

    def get(self, path: str, **parameters: Any) -> Any:
        asked = urllib.parse.urlencode(parameters, doseq=True)
        request = urllib.request.Request(f"{self.url}/api/v1/{path}?{asked}", headers=self.headers)  # noqa: S310 — loopback
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 — loopback
            return json.loads(answer.read())["data"]

    def number(self, expr: str) -> float:
        found = self.get("query", query=expr)["result"]
        return float(found[0]["value"][1]) if found else math.nan


def until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            if what():
                return
        except OSError:
            # it is still starting
            pass
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.2)


@pytest.fixture
def both(product: Product, paddle: Paddle, tmp_path: Path) -> Iterator[tuple[Asked, Asked]]:
    """Prometheus and Vigil, the one scraping and sending to the other."""
    port, config = free_port(), tmp_path / "prometheus.yml"
    config.write_text(CONFIG.format(target=paddle.instance, url=product.url, key=product.key))
    assert PROMETHEUS is not None
    process = subprocess.Popen(
        [
            PROMETHEUS, f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'tsdb'}", "--log.level=warn",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
    )  # fmt: skip
    yield Asked(f"http://127.0.0.1:{port}"), Asked(product.url, product.key)
    process.terminate()
    process.wait(30)


def same(one: Any, other: Any) -> bool:
    """Equal answers; numbers that were computed may differ in the last digits."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    if one == other:
        return True
    try:
        return math.isclose(float(one), float(other), rel_tol=1e-9, abs_tol=1e-12)
    except (TypeError, ValueError):
        return False


def ordered(data: dict[str, Any], expr: str) -> Any:
    result = data["result"]
    if data["resultType"] in {"vector", "matrix"} and not expr.startswith("sort"):
        result = sorted(result, key=lambda one: sorted(one["metric"].items()))
    return (data["resultType"], result)


def differences(both: tuple[Asked, Asked], at: float) -> list[Any]:
    differing = []
    for expr in QUESTIONS:
        asked = {"query": expr, "time": at}
        answers = [ordered(one.get("query", **asked), expr) for one in both]
        if not same(list(answers[0]), list(answers[1])):
            differing.append((expr, *answers))
        if answers[0][0] == "matrix" or expr.startswith(("sort", "topk", "bottomk")):
            continue
        asked = {"query": expr, "start": at - 8, "end": at, "step": 1}
        answers = [ordered(one.get("query_range", **asked), expr) for one in both]
        if not same(list(answers[0]), list(answers[1])):
            differing.append((f"{expr} (range)", *answers))
    return differing


def test_both_give_the_same_answers(both: tuple[Asked, Asked], paddle: Paddle) -> None:
    theirs, ours = both
    paddle.behave("v2", error_rate=0.2, latency_seconds=0.3)

    def worked() -> bool:
        paddle.load("v1", 3)
        paddle.load("v2", 5)
        return theirs.number('count_over_time(up{job="paddle"}[1m])') >= SCRAPES

    until(worked)
    at = theirs.number("timestamp(up)") - 0.5
    until(lambda: ours.number("timestamp(up)") > at)
    first = differences(both, at)
    # what is sent by several hands comes in any order: a last sample may have been on its way, a fault stays
    assert first == [] or differences(both, at) == []
    span = {"start": at - 8, "end": at, "match[]": '{zone="cn"}'}
    for path in ("labels", "label/version/values", "label/__name__/values"):
        assert sorted(theirs.get(path, **span)) == sorted(ours.get(path, **span))
    assert len(ours.get("series", **span)) == len(theirs.get("series", **span)) > 20
    # a service that is gone ends in both at once, not five minutes later
    paddle.stop()
    until(lambda: ours.number("up") == theirs.number("up") == 0)
    assert ours.get("query", query=R)["result"] == theirs.get("query", query=R)["result"] == []

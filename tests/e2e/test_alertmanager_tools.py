"""amtool and a real Prometheus, against Vigil as if it were an Alertmanager."""

import json
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.fix_outside import Outside
from tests.fixtures.fix_product import Product, free_port

AMTOOL, PROMETHEUS = shutil.which("amtool"), shutil.which("prometheus")
pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(
        AMTOOL is None or PROMETHEUS is None,
        reason="needs amtool and Prometheus: apt-get install prometheus-alertmanager prometheus",
    ),
]
PATIENCE_SECONDS = 60
ALERTMANAGER = """
route:
  receiver: hook
  group_by: [alertname]
  group_wait: 1s
  group_interval: 1s
  routes:
  - matchers: ['team="nobody"']
    receiver: blackhole
receivers:
- name: hook
  webhook_configs: [{{url: '{hook}'}}]
- name: blackhole
"""
PROMETHEUS_YML = """
global: {{evaluation_interval: 1s}}
rule_files: ['{rules}']
alerting:
  alertmanagers:
  - basic_auth: {{username: any, password: '{key}'}}
    static_configs: [{{targets: ['{target}']}}]
"""
RULES = """
groups:
- name: g
  rules:
  - alert: Always
    expr: vector(7)
    labels: {severity: critical}
    annotations: {summary: 'is {{ $value }}'}
"""


class Tool:
    """amtool with the product's address and key."""

    def __init__(self, product: Product) -> None:
        self.url = product.url.replace("://", f"://any:{product.key}@")

    def __call__(self, *words: str) -> str:
        assert AMTOOL is not None
        done = subprocess.run(
            [AMTOOL, f"--alertmanager.url={self.url}", *words], check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def json(self, *words: str) -> Any:
        return json.loads(self(*words, "--output=json"))


@pytest.fixture
def tool(product: Product, outside: Callable[[], Outside], tmp_path: Path) -> tuple[Tool, Outside]:
    hook = outside()
    path = tmp_path / "alertmanager.yml"
    path.write_text(ALERTMANAGER.format(hook=hook.url))
    product.manage("alertmanager", "import", str(path), "--project", product.project)
    return Tool(product), hook


def test_amtool_and_prometheus_work_as_with_alertmanager(
    product: Product, tool: tuple[Tool, Outside], tmp_path: Path
) -> None:
    amtool, hook = tool
    amtool("alert", "add", "alertname=Slow", "node=a", "--annotation=summary=x")
    (alert,) = amtool.json("alert", "query", "alertname=Slow")
    assert alert["labels"] == {"alertname": "Slow", "node": "a"}
    silence = amtool(
        "silence", "add", "alertname=Slow", "--comment=work", "--author=ada", "--duration=1h"
    ).strip()
    assert amtool.json("alert", "query", "alertname=Slow") == []
    assert [one["id"] for one in amtool.json("silence", "query", "alertname=Slow")] == [silence]
    longer = amtool("silence", "update", "--duration=2h", silence)
    assert silence in longer
    amtool("silence", "expire", silence)
    assert amtool.json("silence", "query", "alertname=Slow") == []
    assert amtool("config", "routes", "test", "team=nobody").strip() == "blackhole"
    assert "hook" in amtool("config", "routes", "show")
    assert "disabled" in amtool("cluster", "show")
    _sent_by_prometheus(product, hook, tmp_path)


def _sent_by_prometheus(product: Product, hook: Outside, folder: Path) -> None:
    rules, config = folder / "rules.yml", folder / "prometheus.yml"
    rules.write_text(RULES)
    config.write_text(
        PROMETHEUS_YML.format(rules=rules, key=product.key, target=product.url.removeprefix("http://"))
    )
    assert PROMETHEUS is not None
    process = subprocess.Popen(
        [
            PROMETHEUS, f"--config.file={config}", f"--storage.tsdb.path={folder / 'tsdb'}", "--log.level=warn",
            f"--web.listen-address=127.0.0.1:{free_port()}", "--rules.alert.resend-delay=1s",
        ],
    )  # fmt: skip
    try:
        firing = _heard(hook, "firing")
    finally:
        process.terminate()
        process.wait(30)
    # it says with each alert until when that holds without news
    resolved = _heard(hook, "resolved")
    assert firing["alerts"][0]["annotations"] == {"summary": "is 7"}
    assert "/graph?" in firing["alerts"][0]["generatorURL"]
    assert firing["alerts"][0]["startsAt"] == resolved["alerts"][0]["startsAt"]
    assert len([one for one in _bodies(hook) if one["groupLabels"] == {"alertname": "Always"}]) == 2


def _bodies(hook: Outside) -> list[Any]:
    return [one.json for one in list(hook.received)]


def _heard(hook: Outside, status: str) -> Any:
    """The first message of that status about Prometheus' alert."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        for body in _bodies(hook):
            if body["groupLabels"] == {"alertname": "Always"} and body["status"] == status:
                return body
        time.sleep(0.1)
    pytest.fail(f"nobody was told that it is {status}")

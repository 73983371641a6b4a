"""The Collector's configuration that the manual shows, in a real Collector in front of a real server.

Set VIGIL_COLLECTOR to its program. One that has no OTLP receiver is fed from a file: what is proved is how it sends.
"""

import datetime as dt
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from django.db import connection
from django.db.utils import OperationalError
from django.test import Client
from pytest_django.live_server_helper import LiveServer

from monitor.ingest import keys
from tests.fixtures.fix_cast import Cast

DOCS = Path(__file__).parents[2] / "templates" / "docs"
PIECE = re.compile(r"^```yaml\n(receivers:.*?)^```", re.MULTILINE | re.DOTALL)
PROGRAM = (
    os.environ.get("VIGIL_COLLECTOR") or shutil.which("otelcol-contrib") or shutil.which("otelcol") or ""
)
FIND = keys.find
TRACE, PATIENCE, N = "0af7651916cd43dd8448eb211c80319c", 60.0, 200


def configuration(page: str = "opentelemetry.md") -> dict[str, Any]:
    (text,) = PIECE.findall((DOCS / page).read_text("utf-8"))
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def test_both_languages_show_the_same_configuration() -> None:
    assert configuration() == configuration("opentelemetry.zh.md")


def fed_from(path: Path, url: str) -> dict[str, Any]:
    """The page's exporter and batches behind a receiver of lines."""
    found = configuration()
    (exporter,) = found["exporters"].values()
    exporter["endpoint"] = url
    moved = [{"type": "remove", "field": f"attributes.{name}"} for name in ("trace", "span")]
    traced = {name: {"parse_from": f"attributes.{name[:-3]}"} for name in ("trace_id", "span_id")}
    found["receivers"] = {
        "filelog": {"include": [str(path)], "start_at": "beginning", "poll_interval": "100ms", "operators": [
            {"type": "json_parser", "parse_to": "attributes"}, {"type": "trace_parser", **traced},
            {"type": "move", "from": "attributes.said", "to": "body"}, *moved,
        ]}
    }  # fmt: skip
    logs = found["service"]["pipelines"]["logs"] | {"receivers": ["filelog"]}
    found["service"] = {"pipelines": {"logs": logs}, "telemetry": {"metrics": {"level": "none"}}}
    return found


def line(n: int) -> str:
    said = {"trace": TRACE, "span": f"{n:016x}", "event.name": "gen_ai.user.message", "said": {"content": f"question {n}"}}  # fmt: skip
    return msgspec.json.encode(said).decode() + "\n"


def spans(now_ns: int) -> bytes:
    attribute = {"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}}
    found = [
        {"traceId": TRACE, "spanId": f"{n:016x}", "startTimeUnixNano": str(now_ns), "attributes": [attribute]}
        for n in range(1, N + 1)
    ]
    return msgspec.json.encode({"resourceSpans": [{"scopeSpans": [{"spans": found}]}]})


def eventually(look: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not look():
        assert time.monotonic() < deadline, "nothing arrived"
        time.sleep(0.1)


def asked(sql: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return int(cursor.fetchone()[0])


@pytest.mark.skipif(not PROGRAM, reason="needs a Collector: set VIGIL_COLLECTOR to its program")
@pytest.mark.django_db(transaction=True)
def test_what_a_collector_sends_arrives_once_and_after_an_outage(
    live_server: LiveServer,
    cast: Cast,
    own_cache: None,
    client: Client,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent = client.post(
        "/v1/traces", spans(time.time_ns()), content_type="application/json", headers=cast.bearer
    )
    assert sent.status_code == 200
    lines, config = tmp_path / "lines", tmp_path / "collector.yaml"
    lines.write_text("".join(line(n) for n in range(1, N + 1)))
    config.write_text(yaml.safe_dump(fed_from(lines, live_server.url)))
    environment = {**os.environ, "VIGIL_KEY": cast.key}
    # at first the database does not answer: what is refused with 503 must come again
    refused: list[dt.datetime] = []

    def find(text: str, *, now: dt.datetime) -> keys.KnownKey | None:
        if len(refused) < 2:
            refused.append(now)
            raise OperationalError
        return FIND(text, now=now)

    monkeypatch.setattr(keys, "find", find)
    running = subprocess.Popen([PROGRAM, "--config", str(config)], env=environment, stderr=subprocess.PIPE)
    try:
        said = "SELECT count(*) FROM monitor_payload WHERE prompt LIKE 'question %'"
        eventually(lambda: asked(said) == N)
    finally:
        running.send_signal(signal.SIGTERM)
        _, told = running.communicate(timeout=30)
    assert len(refused) == 2
    assert b"Dropping data" not in told

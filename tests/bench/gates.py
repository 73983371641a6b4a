"""Canary scenarios through a running product: their calls over REST, the verdict over HTTP.

    python -m tests.bench.gates SCENARIOS.py URL KEY ID

URL is a running Vigil, KEY one of an empty project with the scopes ingest, query and manage. The release begins
in the past, and the product catches up with it bucket by bucket; 24 hours are looked at. One JSON line.
"""

import datetime as dt
import gzip
import json
import sys
import time
import urllib.error
import urllib.request
from typing import Any

import numpy as np

from monitor.core import clock
from tests.bench.drift import loaded

BATCH = 5_000
HOURS = 24
PATIENCE = 300.0


def ask(url: str, key: str, path: str, body: bytes | None = None, **headers: str) -> Any:
    request = urllib.request.Request(  # noqa: S310 — the address is the caller's
        url + path,
        data=body,
        headers={"authorization": f"Bearer {key}", **{k.replace("_", "-"): v for k, v in headers.items()}},
    )
    with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310 — as above
        return json.loads(answer.read())


def lines(calls: dict[str, np.ndarray], start: float, rows: range) -> bytes:
    made = [
        json.dumps({
            "id": f"c{n}", "model": "chat", "version": ("v1", "v2")[int(calls["version"][n])],
            "started_at": start + float(calls["t"][n]), "duration_seconds": float(calls["latency"][n]),
            "ttft_seconds": float(calls["ttft"][n]), "input_tokens": int(calls["prompt_tokens"][n]),
            "output_tokens": int(calls["output_tokens"][n]), "user": f"u{int(calls['user'][n])}",
            "topic": f"t{int(calls['topic'][n])}", "error": "timeout" if calls["error"][n] else None,
        })
        for n in rows
    ]  # fmt: skip
    return gzip.compress("\n".join(made).encode(), 1)


def main(path: str, url: str, key: str, identity: str) -> dict[str, Any]:
    module = loaded(path)
    scenario = module.SCENARIOS[identity]
    world, changes = scenario.build()
    calls = module.generate(world, changes)
    begin_s = world.canary_from_h * 3600.0
    end_s = begin_s + HOURS * 3600.0
    start = clock.now().timestamp() // 300 * 300 - end_s - 300
    n = int(np.searchsorted(calls["t"], end_s))
    sent = time.monotonic()
    for first in range(0, n, BATCH):
        body = lines(calls, start, range(first, min(n, first + BATCH)))
        answer = ask(
            url,
            key,
            "/api/v1/generations",
            body,
            content_type="application/x-ndjson",
            content_encoding="gzip",
        )
        assert not answer["rejected"], answer["rejected"][:1]
    seconds = time.monotonic() - sent
    wish = {
        "model": "chat", "stable": "v1", "canary": "v2", "mode": "recommend", "stratify": "topic",
        "stages": [{"share": world.canary_share}], "deadline_hours": 48,
        "started_at": dt.datetime.fromtimestamp(start + begin_s, dt.UTC).isoformat(),
    }  # fmt: skip
    release = ask(url, key, "/api/v1/releases", json.dumps(wish).encode(), content_type="application/json")[
        "data"
    ]
    deadline = time.monotonic() + PATIENCE
    while True:
        found = ask(url, key, f"/api/v1/releases/{release['id']}/verdict")
        if found["judged_to"] or time.monotonic() > deadline:
            break
        time.sleep(0.5)
    decided = found["decided_at"] and dt.datetime.fromisoformat(found["decided_at"]).timestamp()
    series = ask(
        url,
        key,
        f"/api/v1/query_range?query=llm_canary_verdict%7Bmetric%3D%22all%22%7D&start={start + begin_s}&end={clock.now().timestamp()}&step=300",
    )["data"]["result"]
    said = [float(value) for one in series for _, value in one["values"]]
    return {
        "scenario": identity, "calls": n, "posted_s": round(seconds, 1), "verdict": found["gates_verdict"],
        "after_h": decided and round((decided - start - begin_s) / 3600, 2), "said": found["sentence"],
        "share": found["share"], "looks": len(said), "ever": sorted(set(said)), "gates": {
            one["metric"]: one["verdict"] for one in found["gates"]
        },
    }  # fmt: skip


if __name__ == "__main__":
    if len(sys.argv) != 5:
        raise SystemExit(__doc__)
    try:
        sys.stdout.write(json.dumps(main(*sys.argv[1:]), ensure_ascii=False) + "\n")
    except urllib.error.HTTPError as error:
        message = f"{error}: {error.read()[:500]!r}"
        raise SystemExit(message) from error

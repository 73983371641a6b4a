"""Canary scenarios through a running product: their calls and marks over REST, the verdict over HTTP.

    python -m tests.bench.gates SCENARIOS.py ADDRESS [ID ...]

ADDRESS is that of a running server of this tree with the same ``VIGIL_DATA``; each run makes a project. The release
begins in the past, and the product catches up with it bucket by bucket; 24 hours are looked at. ``ID-marks`` is the
scenario with the new version's marks by the judge lowered by 0.6. One JSON line each.
"""

import datetime as dt
import json
import sys
import time
import urllib.error
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote
from urllib.request import Request, urlopen

import numpy as np

from monitor.core import clock
from tests.bench.drift import loaded
from tests.bench.product import manage, post, send

HOURS = 24
PATIENCE = 400.0
LOWERED = "-marks"
IDS = ("C01", "C02", "C03", "C03-marks")


def ask(address: str, key: str, path: str) -> Any:
    request = Request(address + path, headers={"authorization": f"Bearer {key}"})  # noqa: S310 — the caller's
    with urlopen(request, timeout=120) as answer:  # noqa: S310 — as above
        return json.loads(answer.read())


def calls_of(calls: dict[str, np.ndarray], start: float, n: int) -> Iterator[dict[str, Any]]:
    for k in range(n):
        yield {
            "id": f"c{k}", "model": "chat", "version": ("v1", "v2")[int(calls["version"][k])],
            "started_at": start + float(calls["t"][k]), "duration_seconds": float(calls["latency"][k]),
            "ttft_seconds": float(calls["ttft"][k]), "input_tokens": int(calls["prompt_tokens"][k]),
            "output_tokens": int(calls["output_tokens"][k]), "user": f"u{int(calls['user'][k])}",
            "topic": f"t{int(calls['topic'][k])}", "error": "timeout" if calls["error"][k] else None,
        }  # fmt: skip


def marks_of(calls: dict[str, np.ndarray], n: int, lowered: float) -> Iterator[dict[str, Any]]:
    for k in np.flatnonzero(np.isfinite(calls["judge_score"][:n])).tolist():
        mark = float(calls["judge_score"][k]) - lowered * float(calls["version"][k])
        yield {"generation_id": f"c{k}", "name": "quality", "source": "judge", "value": max(0.0, mark)}


def main(path: str, address: str, name: str) -> dict[str, Any]:
    module = loaded(path)
    world, changes = module.SCENARIOS[name.removesuffix(LOWERED)].build()
    calls = module.generate(world, changes)
    begin_s = world.canary_from_h * 3600.0
    end_s = begin_s + HOURS * 3600.0
    start = clock.now().timestamp() // 300 * 300 - end_s - 300
    n = int(np.searchsorted(calls["t"], end_s))
    slug = f"gates-{name.lower()}-{int(time.monotonic())}"
    manage("project", "create", slug)
    scopes = [word for scope in ("ingest", "query", "manage") for word in ("--scope", scope)]
    key = manage("key", "create", "--project", slug, "--name", "bench", *scopes).strip()
    began = time.monotonic()
    taken = send(address, key, "/api/v1/generations", "generations", calls_of(calls, start, n))
    lowered = 0.6 if name.endswith(LOWERED) else 0.0
    marked = send(address, key, "/api/v1/scores", "scores", marks_of(calls, n, lowered))
    posted = time.monotonic() - began
    wish = {
        "model": "chat", "stable": "v1", "canary": "v2", "mode": "recommend", "stratify": "topic",
        "stages": [{"share": world.canary_share}], "deadline_hours": 48,
        "started_at": dt.datetime.fromtimestamp(start + begin_s, dt.UTC).isoformat(),
    }  # fmt: skip
    identity = post(address, key, "/api/v1/releases", wish)["data"]["id"]
    deadline = time.monotonic() + PATIENCE
    while True:
        found = ask(address, key, f"/api/v1/releases/{identity}/verdict")
        if _unix(found["judged_to"]) >= start + end_s - 300.0 or time.monotonic() > deadline:
            break
        time.sleep(0.5)
    decided = _unix(found["decided_at"])
    return {
        "scenario": name, "calls": taken, "marks": marked, "posted_s": round(posted, 1),
        "verdict": found["gates_verdict"],
        "after_h": round((decided - start - begin_s) / 3600, 2) if decided else None, "said": found["sentence"],
        "judged_h": round((_unix(found["judged_to"]) - start - begin_s) / 3600, 2), "share": found["share"], "ever": looked(address, key, start + begin_s),
        "gates": {one["metric"]: one["verdict"] for one in found["gates"]},
        "judged_calls": [one["calls"]["canary"] for one in found["gates"] if one["metric"] == "judge_score"],
    }  # fmt: skip


def _unix(text: str | None) -> float:
    return dt.datetime.fromisoformat(text).timestamp() if text else 0.0


def looked(address: str, key: str, start: float) -> dict[str, int]:
    """How often the series of the verdict said what."""
    asked = quote('llm_canary_verdict{metric="all"}')
    series = ask(
        address,
        key,
        f"/api/v1/query_range?query={asked}&start={start}&end={clock.now().timestamp()}&step=300",
    )["data"]["result"]
    said = [value for one in series for _, value in one["values"]]
    return {value: said.count(value) for value in sorted(set(said))}


if __name__ == "__main__":
    if len(sys.argv) < 3:
        raise SystemExit(__doc__)
    for wanted in sys.argv[3:] or IDS:
        try:
            sys.stdout.write(json.dumps(main(sys.argv[1], sys.argv[2], wanted), ensure_ascii=False) + "\n")
            sys.stdout.flush()
        except urllib.error.HTTPError as error:
            message = f"{wanted}: {error}: {error.read()[:500]!r}"
            raise SystemExit(message) from error

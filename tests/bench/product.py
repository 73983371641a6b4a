"""Generated worlds through the whole product: posted over REST, replayed, and read back over HTTP.

    python -m tests.bench.product SCENARIOS.py ADDRESS [ID ...]

ADDRESS is that of a running server of this tree with the same ``VIGIL_DATA``; a project is made anew for each
run, with the rules that come with Vigil, and no call may be older than its retention. One seed each: pages are read
from the series of evidence and, as rules tell them, from ALERTS. One JSON line per scenario, then a table.
"""

import datetime as dt
import gzip
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote
from urllib.request import Request, urlopen

import msgspec
import numpy as np

from monitor.core import clock
from tests.bench.drift import loaded, merged

BATCH = 2_000
DAY = 86_400
STEP = 240
# what has been gone for longer than this comes back as another one
GONE = 360
# what says "page": the series, the label that tells what it is about, and its rule
SOURCES = {
    "drift": ("llm_drift_evidence >= 1", "feature", "LLMDrift"),
    "volume": ('llm_anomaly_detected{signal="requests"} >= 1', "signal", "LLMTrafficAnomaly"),
}
Page = tuple[str, str, float]


def made(slug: str, *, rules: str = "on") -> str:
    """A new project and its key."""
    manage("project", "create", slug, "--rules", rules)
    scopes = ["--scope", "ingest", "--scope", "query"]
    return manage("key", "create", "--project", slug, "--name", "bench", *scopes).strip()


def manage(*words: str) -> str:
    done = subprocess.run([sys.executable, "manage.py", *words], check=True, capture_output=True, text=True)
    return done.stdout


def monday_before(days: int) -> int:
    """When a world of so many days begins, so that it is over by now: a Monday, in Unix seconds."""
    latest = clock.now() - dt.timedelta(days=days, hours=1)
    start = latest - dt.timedelta(days=latest.weekday())
    return int(start.replace(hour=0, minute=0, second=0, microsecond=0).timestamp())


def records(
    module: Any, world: Any, day: dict[str, Any], number: int, start: int
) -> Iterator[dict[str, Any]]:
    """A day's calls as a service would send them."""
    del world
    for k in range(day["t"].size):
        one: dict[str, Any] = {
            "id": f"d{number}-{k}", "model": "bench", "version": "v1", "started_at": start + float(day["t"][k]),
            "input_tokens": int(day["prompt_tokens"][k]), "output_tokens": int(day["output_tokens"][k]),
            "duration_seconds": float(day["latency"][k]), "ttft_seconds": float(day["ttft"][k]),
            "topic": module.TOPICS[day["topic"][k]], "language": module.LANGS[day["lang"][k]],
            "tenant": f"tenant-{day['tenant'][k]}", "error": "timeout" if day["error"][k] else None,
        }  # fmt: skip
        if day["rag"][k]:
            one |= {"contexts": [{"id": "a", "text": ""}], "context_used": not day["nli_flag"][k]}
        if "embedding" in day:
            one["embedding"] = [round(x, 5) for x in day["embedding"][k].tolist()]
        yield one


def counted(module: Any, world: Any, changes: Any, start: int) -> Iterator[dict[str, Any]]:
    """Worlds of volume only: so many calls in every five minutes."""
    chance = np.random.default_rng(7)
    for tick, n in enumerate(module.counts(world, changes).astype(int).tolist()):
        for k, at in enumerate(sorted((300 * chance.random(n)).tolist())):
            yield {
                "id": f"t{tick}-{k}", "model": "bench", "version": "v1", "started_at": start + tick * 300 + at,
                "input_tokens": 100, "output_tokens": 50,
            }  # fmt: skip


def post(address: str, key: str, path: str, body: Any) -> Any:
    raw = gzip.compress(msgspec.json.encode(body), 1)
    head = {"authorization": f"Bearer {key}", "content-type": "application/json", "content-encoding": "gzip"}
    with urlopen(Request(f"{address}{path}", raw, head), timeout=120) as answer:  # noqa: S310 — ours, on loopback
        return json.loads(answer.read())


def send(address: str, key: str, path: str, name: str, rows: Iterator[dict[str, Any]]) -> int:
    taken, batch = 0, list[dict[str, Any]]()
    for row in rows:
        batch.append(row)
        if len(batch) == BATCH:
            taken += post(address, key, path, {name: batch}).get("accepted", 0)
            batch = []
    return taken + (post(address, key, path, {name: batch}).get("accepted", 0) if batch else 0)


def told(address: str, key: str, module: Any, scenario: Any, seed: int, start: int) -> int:
    """Post the whole world; how many calls were taken."""
    world, changes = scenario.build(seed)
    path = "/api/v1/generations"
    if scenario.kind == "volume":
        return send(address, key, path, "generations", counted(module, world, changes, start))
    taken = 0
    for number, day in enumerate(module.stream(world, changes)):
        taken += send(address, key, path, "generations", records(module, world, day, number, start))
        marks = np.flatnonzero(np.isfinite(day["judge_score"])).tolist() if "judge" in scenario.about else []
        send(address, key, "/api/v1/scores", "scores", (
            {"generation_id": f"d{number}-{k}", "name": "quality", "source": "judge", "value": float(day["judge_score"][k])}
            for k in marks
        ))  # fmt: skip
    return taken


def read_back(address: str, key: str, expr: str, start: int, end: int) -> list[tuple[dict[str, str], float]]:
    """When each series of an expression came up, in seconds, with its labels."""
    found, last = [], dict[tuple[tuple[str, str], ...], float]()
    for first in range(start, end, 20 * DAY):
        until = min(end, first + 20 * DAY)
        url = f"{address}/api/v1/query_range?query={quote(expr)}&start={first}&end={until}&step={STEP}"
        head = {"authorization": f"Bearer {key}"}
        with urlopen(Request(url, headers=head), timeout=120) as answer:  # noqa: S310 — ours, on loopback
            series = json.loads(answer.read())["data"]["result"]
        for one in series:
            name = tuple(sorted(one["metric"].items()))
            for at, _ in one["values"]:
                if float(at) - last.get(name, -GONE - 1.0) > GONE:
                    found.append((one["metric"], float(at)))
                last[name] = float(at)
    return found


def pages(address: str, key: str, kind: str, start: int, end: int) -> dict[str, list[Page]]:
    """What moved, which of its values, and when (hours): as the series and as the alerts say it."""
    expr, label, rule = SOURCES[kind]
    asked = {"pages": expr, "alerts": f'ALERTS{{alertname="{rule}",alertstate="firing"}}'}
    return {
        name: [
            (labels[label], labels.get("slice", ""), (at - start) / 3600)
            for labels, at in read_back(address, key, one, start, end)
        ]
        for name, one in asked.items()
    }


def run(path: str, address: str, name: str) -> dict[str, Any]:
    module = loaded(path)
    scenario = module.SCENARIOS[name]
    seed = scenario.seeds[0]
    world, _ = scenario.build(seed)
    start = monday_before(world.days)
    slug = f"bench-{name.lower()}-{seed}-{int(time.monotonic())}"
    key, began = made(slug), time.monotonic()
    calls = told(address, key, module, scenario, seed, start)
    posted = round(time.monotonic() - began)
    return {
        "scenario": name,
        "seed": seed,
        "calls": calls,
        "post_s": posted,
        **read(scenario, address, slug, key, start),
    }


def read(scenario: Any, address: str, slug: str, key: str, start: int) -> dict[str, Any]:
    """Replay a world that is stored, and judge what can be read back of it."""
    world, _ = scenario.build(scenario.seeds[0])
    began, end = time.monotonic(), start + world.days * DAY
    only = ["--only", "drift", "--only", "rules"]
    manage("replay", "--project", slug, "--from", str(start), "--to", str(end), *only)
    took = round(time.monotonic() - began)
    found = pages(address, key, scenario.kind, start, end)
    said = {name: judged(scenario, each) for name, each in found.items()}
    return {
        "replay_s": took,
        **said,
        "limit": scenario.limit,
        "holds": all(map(holds, said.values(), [scenario] * 2)),
    }


def judged(scenario: Any, found: list[Page]) -> dict[str, Any]:
    """False pages before (or without) the change, and the delay of the first one about it."""
    from_h = 28 * 24.0 if scenario.kind == "volume" and scenario.at_h is None else 14 * 24.0
    at = scenario.at_h
    early = [page for page in found if page[2] >= from_h and (at is None or page[2] < at)]
    about = scenario.about or ("",)
    late = [
        page for page in found
        if at is not None and page[2] >= at and any(word in page[0] for word in about)
    ]  # fmt: skip
    late.sort(key=lambda page: page[2])
    return {
        "false_pages": len(merged([page[2] for page in early if not page[1]])),
        "false": sorted({f"{page[0]} {page[1]}".strip() for page in early}),
        "delay_h": round(late[0][2] - at, 2) if late and at is not None else None,
        "named": sorted({page[1] for page in late if page[1]})[:3],
    }  # fmt: skip


def holds(found: dict[str, Any], scenario: Any) -> bool:
    """Whether one seed keeps what all of them must."""
    limit = scenario.limit
    if found["false_pages"] > limit.get("false_pages_max", 0 if scenario.at_h is None else 1):
        return False
    slowest = limit.get("delay_h_max", limit.get("delay_h_median"))
    return scenario.at_h is None or (found["delay_h"] is not None and found["delay_h"] <= slowest)


def table(lines: list[dict[str, Any]]) -> str:
    """One row per scenario: delays in hours, as pages of the series and as alerts."""
    head = (
        "scenario",
        "calls",
        "replay s",
        "false pages",
        "delay h",
        "named",
        "false alerts",
        "delay h",
        "holds",
    )
    rows = [head, *(
        (
            one["scenario"], one["calls"], one["replay_s"], one["pages"]["false_pages"], one["pages"]["delay_h"],
            " ".join(one["pages"]["named"]), one["alerts"]["false_pages"], one["alerts"]["delay_h"], one["holds"],
        )
        for one in lines
    )]  # fmt: skip
    return "\n".join(
        "| " + " | ".join("–" if cell is None else str(cell) for cell in row) + " |" for row in rows
    )


def main(path: str, address: str, wanted: list[str]) -> None:
    scenarios = loaded(path).SCENARIOS.values()
    lines = []
    for name in wanted or [one.id for one in scenarios if one.kind in SOURCES]:
        lines.append(run(path, address, name))
        sys.stdout.write(json.dumps(lines[-1], ensure_ascii=False) + "\n")
        sys.stdout.flush()
    sys.stdout.write(table(lines) + "\n")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        raise SystemExit(__doc__)
    main(sys.argv[1], sys.argv[2].rstrip("/"), sys.argv[3:])

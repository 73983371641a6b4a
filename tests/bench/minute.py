"""What following costs: one pass of all signals over four versions each minute, and the room that windows take.

    python -m tests.bench.minute ADDRESS [SLUG MODEL VERSION]

ADDRESS is that of a running server of this tree with the same ``VIGIL_DATA``. A project is made with 15 days of four
versions and told 10,000 calls an hour for half a simulated hour; CPU is that of the pass and of its database
connection. Then the same of 20 watches of each version, of every kind, whose turn it is every other minute. With the name of a version that is stored, windows of it are summed and what that takes in memory is
printed. JSON lines.
"""

import datetime as dt
import json
import os
import resource
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import django
import numpy as np

from monitor.core import clock

VERSIONS = ("v1", "v2", "v3", "v4")
HISTORY_DAYS = 15
PER_HOUR_BEFORE, PER_HOUR = 400, 10_000
# from five minutes past an hour on: its calls, and its vectors, are closed in between
MINUTES = 30
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def calls(start: float, seconds: float, per_hour: int, seed: int) -> Iterator[dict[str, Any]]:
    """Calls of all versions over a stretch (Unix seconds)."""
    chance = np.random.default_rng(seed)
    n = round(seconds / 3600 * per_hour)
    for place, at in enumerate(np.sort(chance.uniform(start, start + seconds, n)).tolist()):
        yield {
            "id": f"m{seed}-{place}", "model": "bench", "version": VERSIONS[place % len(VERSIONS)],
            "started_at": at, "input_tokens": int(chance.lognormal(5.5, 0.5)) + 1, "output_tokens": 200,
            "duration_seconds": float(chance.lognormal(0, 0.3)), "ttft_seconds": float(chance.lognormal(-2, 0.3)),
            "topic": f"topic {place % 7}", "language": "en", "tenant": f"tenant {place % 12}",
            "finish_reason": "stop", "error": "timeout" if chance.random() < 0.005 else None,
            "contexts": [{"id": "a", "text": "", "score": float(chance.random())}], "context_used": True,
            "embedding": [round(float(one), 4) for one in chance.normal(size=32)],
        }  # fmt: skip


WATCHES = (
    ("prompt_length", "wasserstein"), ("prompt_length", "ks"), ("prompt_length", "mmd"), ("prompt_length", "psi"),
    ("output_length", "energy"), ("latency", "wasserstein"), ("latency", "classifier"), ("ttft", "mean_shift"),
    ("topic", "jensen_shannon"), ("topic", "chi_square"), ("tenant", "psi"), ("language", "classifier"),
    ("finish_reason", "chi_square"), ("refusal_rate", "psi"), ("error_rate", "chi_square"),
    ("retrieval_score", "wasserstein"), ("prompt_embedding", "embedding_distance"),
    ("prompt_embedding", "embedding_mmd"), ("prompt_embedding", "embedding_energy"),
    ("prompt_embedding", "embedding_classifier"),
)  # fmt: skip


def watched(project: int, base: float) -> tuple[float, list[str]]:
    """Seconds of CPU of a pass over all watches of all versions, at the end of what was told; and what failed."""
    from monitor.drift import run
    from monitor.drift.models import DriftWatch

    end = base + 60 * MINUTES
    made = [
        DriftWatch(
            project_id=project, model="bench", version=version, feature=feature, detector=detector, reference_hours=8,
            evaluated_to=_at(end - 480),
        )
        for version in VERSIONS
        for feature, detector in WATCHES
    ]  # fmt: skip
    DriftWatch.objects.bulk_create(made)
    # what lies behind is caught up first
    while run.run_due(now=_at(end - 120)):
        pass
    began = time.process_time(), database_cpu()
    run.run_due(now=_at(end))
    spent = time.process_time() - began[0] + database_cpu() - began[1]
    bad = DriftWatch.objects.filter(project_id=project).exclude(last_error="")
    return spent, sorted({f"{one.feature} {one.detector}: {one.last_error or one.reason}" for one in bad})


def database_cpu() -> float:
    """CPU seconds of the server process of our connection."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


def passes(address: str) -> dict[str, Any]:
    from monitor.drift import follow
    from monitor.drift.signals import SIGNALS
    from monitor.store.models import Project
    from monitor.store.turns import turn
    from tests.bench.product import made, send

    slug = f"bench-minute-{int(time.monotonic())}"
    base = (int(clock.now().timestamp()) - 1800) // 3600 * 3600 - 3300
    with turn("drift", wait=True):
        key = made(slug, rules="none")
        path = ("/api/v1/generations", "generations")
        history = HISTORY_DAYS * 86_400
        send(address, key, *path, calls(base - history, history - 4200, PER_HOUR_BEFORE, 1))
        send(address, key, *path, calls(base - 4200, 4200, PER_HOUR, 2))
        project = Project.objects.get(slug=slug).pk
        for wait in (0, follow.QUIET_SECONDS):
            follow.run_project(project, now=_at(base + wait - follow.QUIET_SECONDS))
        ours, theirs = [], []
        for minute in range(MINUTES):
            end = base + 60 * (minute + 1)
            send(address, key, *path, calls(end - 60, 60, PER_HOUR, 100 + minute))
            began = time.process_time(), database_cpu()
            follow.run_project(project, now=_at(end))
            ours.append(time.process_time() - began[0])
            theirs.append(database_cpu() - began[1])
        spent, bad = watched(project, base)
    both = [one + other for one, other in zip(ours, theirs, strict=True)]
    return {
        "bench": "minute", "signals": len(SIGNALS), "versions": len(VERSIONS), "cpu_s": round(statistics.median(both), 2),
        "longest_s": round(max(both), 2), "python_s": round(statistics.median(ours), 2),
        "database_s": round(statistics.median(theirs), 2), "watches": len(WATCHES) * len(VERSIONS),
        "watches_cpu_s": round(spent, 2), "watches_failed": bad,
    }  # fmt: skip


def windows(slug: str, model: str, version: str) -> Iterator[dict[str, Any]]:
    """Windows of ever more calls, summed anew; the most memory that the process has held so far."""
    from monitor.drift.shelf import Shelf
    from monitor.store.calls import generations
    from monitor.store.models import Project

    project = Project.objects.get(slug=slug).pk
    first = generations.first_of(project, model, version)
    assert first is not None
    hour = int(first.timestamp()) // 3600 + 34
    for hours in (1, 10, 100):
        began = time.process_time()
        shelf = Shelf(project, model, dt.datetime.fromtimestamp(0, dt.UTC))
        found = shelf.window(version, hour, hour + hours, part="calls")
        yield {
            "bench": "window", "calls": sum(body.calls for body in found.bodies), "hours": hours,
            "python_s": round(time.process_time() - began, 2),
            "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        }  # fmt: skip


def _at(seconds: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(seconds, dt.UTC)


if __name__ == "__main__":
    if len(sys.argv) not in {2, 5}:
        raise SystemExit(__doc__)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "monitor.settings")
    django.setup()
    for line in windows(*sys.argv[2:]) if len(sys.argv) == 5 else [passes(sys.argv[1].rstrip("/"))]:
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()

"""What changed: planted faults and quiet traffic at library level, and one search over a million stored calls.

    python -m tests.bench.changes [calls]

Prints one JSON line for each. Beside the search, in the same run: a plain count and sum over the same rows.
"""

import json
import sys
import time

import numpy as np

from monitor.changes import search
from tests.bench import private
from tests.changes import planted
from tests.changes.test_search import SECONDS, with_a_fault

CALLS = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
FAULTS, QUIET = 200, 100
MINUTES = 90

FILL = """
import datetime as dt
from django.db import connection
from monitor.core import clock
from monitor.store import ids, partitions
from monitor.store.models import Project
from monitor.store.shards import shards_of
project = Project.objects.get(slug="bench")
now = clock.from_ms(clock.to_ms(clock.now()) // 1000 * 1000)
partitions.for_generations({clock.to_ms(now), clock.to_ms(now) - MINUTES * 60000})
with connection.cursor() as cursor:
    cursor.execute('''
        INSERT INTO monitor_generation (shard, id, project_id, client_id, started_at, received_at, model, version,
            environment, operation, provider, route, duration_seconds, ttft_seconds, input_tokens, output_tokens,
            cached_input_tokens, error, finish_reason, user_hash, session, trace_id, span_id, tenant, language, topic,
            template, grounding)
        SELECT %(shard)s, (lpad(to_hex(ms), 12, '0') || '8' || lpad(to_hex(i %% 4096), 3, '0') || '8'
                || lpad(to_hex(i), 15, '0'))::uuid, %(project)s, 'c' || i, at, at,
            (ARRAY['chat','code','tiny'])[1 + (h %% 7) / 3], 'v' || (h / 7 %% 4), 'prod', 'chat', 'self',
            '/r' || (h / 31 %% 9), (0.4 + (h %% 97) / 100.0) * CASE WHEN bad AND h / 31 %% 9 = 3 AND h / 63 %% 40 < 12
                THEN 3 ELSE 1 END, 0.1 + (h %% 13) / 50.0, 50 + h %% 3000, 20 + h %% 400, h / 5 %% 2 * 20,
            CASE WHEN h %% 101 = 0 THEN 'timeout' END, (ARRAY['stop','length'])[1 + (h %% 17) / 15],
            decode(lpad(to_hex(h %% 5000), 16, '0'), 'hex'), '', '', '', 't' || (h / 63 %% 40), (ARRAY['en','zh','de'])[1 + h / 11 %% 3],
            'topic' || (h / 17 %% 20), 'tpl' || (h / 31 %% 9), (ARRAY['','used','unused'])[1 + h / 3 %% 3]
        FROM (SELECT i, at, (extract(epoch FROM at) * 1000)::bigint AS ms, abs(hashint8(i)) AS h, at > %(now)s - interval '9 min' AS bad
              FROM (SELECT i, %(now)s - (i * %(step)s) * interval '1 millisecond' AS at FROM generate_series(1, %(calls)s) AS i) AS one) AS two
        ''', {"shard": shards_of(project.pk, 1)[0], "project": project.pk, "now": now, "calls": CALLS,
              "step": MINUTES * 60000 / CALLS})
    cursor.execute("ANALYZE monitor_generation")
print(clock.to_ms(now))
"""  # fmt: skip
LOOK = """
import datetime as dt, json, resource, time
from django.db import connection
from monitor.changes import look, measures
from monitor.core import clock
from monitor.store.models import Project
project = Project.objects.get(slug="bench")
now = clock.from_ms(NOW)
expr = "histogram_quantile(0.95, sum(rate(llm_request_duration_seconds[10m]))) > 2"
measure = measures.measure_of(expr, {})
asked = look.Asked(project.pk, measure, now - dt.timedelta(minutes=5), now)
before = time.process_time(); began = time.monotonic()
found = look.look(asked)
took, cpu = time.monotonic() - began, time.process_time() - before
began = time.monotonic()
with connection.cursor() as cursor:
    cursor.execute("SELECT count(*), sum(duration_seconds) FROM monitor_generation WHERE project_id = %s", [project.pk])
    rows = cursor.fetchone()[0]
bare = time.monotonic() - began
print(json.dumps({"rows": rows, "read": found.calls + found.baseline, "tried": found.tried, "seconds": round(took, 2),
    "own_cpu_seconds": round(cpu, 2), "bare_count_seconds": round(bare, 2), "first": found.slices[0].name if found.slices else "",
    "share": found.slices[0].share if found.slices else None, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}))
"""  # fmt: skip


def main() -> None:
    began = time.process_time()
    places = []
    for seed in range(FAULTS):
        parts, result = with_a_fault(seed)
        found = [one.parts for one in result.found]
        places.append(found.index(parts) + 1 if parts in found else 0)
    hits = np.array(places)
    print(json.dumps({  # noqa: T201 — a benchmark talks
        "bench": "changes", "case": "planted", "faults": FAULTS, "first": float((hits == 1).mean()),
        "in_first_three": float((hits > 0).mean()), "quiet_said_something": quiet(),
        "cpu_seconds": round(time.process_time() - began, 1),
    }))  # fmt: skip
    with private.folder() as data, private.vigil(data) as mine:
        mine.manage("project", "create", "bench")
        now = mine.manage(
            "shell", "-v", "0", "-c", f"CALLS, MINUTES = {CALLS}, {MINUTES}\n{FILL}"
        ).splitlines()[-1]
        for case in ("cold", "warm"):
            told = mine.manage("shell", "-v", "0", "-c", f"NOW = {now}\n{LOOK}").splitlines()[-1]
            print(json.dumps({"bench": "changes", "case": case, **json.loads(told)}))  # noqa: T201 — as above


def quiet() -> float:
    """The share of searches over traffic without a fault that say something."""
    said = 0
    for seed in range(5000, 5000 + QUIET):
        world = planted.world(seed)
        said += bool(search.of_means(world.table, world.seconds).found)
        said += bool(search.of_means(world.table, world.failed).found)
        said += bool(search.of_counts(world.table, SECONDS).found)
    return said / (3 * QUIET)


if __name__ == "__main__":
    main()

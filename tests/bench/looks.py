"""What a hundred open releases cost over half an hour: looks, and counting anew what was marked late.

    python -m tests.bench.looks [RELEASES] [CALLS] [MODELS]

Models with two versions each, a day of the releases of some of them, every call marked by a rule and every tenth by
a judge. Processor time of our process and of PostgreSQL's. Prints one JSON line.
"""

import datetime as dt
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bench.private import folder

DAY, TICK = dt.timedelta(days=1), dt.timedelta(minutes=5)
BEFORE, TICKS = dt.timedelta(hours=6), 6
START = dt.datetime(2026, 11, 17, 18, 0, tzinfo=dt.UTC)
_ID = "(lpad(to_hex(t.ms), 12, '0') || '80008' || substr(md5(t.n::text), 1, 15))::uuid"
_TIMES = (
    "(SELECT n, %(first)s + (n::bigint * %(step)s / 1000)::bigint AS ms, n %% %(models)s AS model"
    " FROM generate_series(0, %(calls)s - 1) AS n) AS t"
)
_CALLS = f"""
INSERT INTO monitor_generation (shard, id, project_id, client_id, started_at, received_at, model, version, environment,
 operation, provider, route, duration_seconds, ttft_seconds, output_tokens, error, finish_reason, user_hash, session,
 trace_id, span_id, tenant, language, topic, template, grounding)
SELECT 0, {_ID}, %(project)s, '', to_timestamp(t.ms / 1000.0), to_timestamp(t.ms / 1000.0), 'm' || t.model,
 CASE WHEN t.ms >= %(begin)s AND t.n / %(models)s %% 5 = 0 THEN 'v2' ELSE 'v1' END, 'production', 'chat', 'p', '/chat',
 exp(random()), random(), 100, CASE WHEN random() < 0.02 THEN 'timeout' END, 'stop',
 substr(sha256((t.n %% 997)::text::bytea), 1, 16), '', '', '', 't' || t.n %% 13, 'en', 'code', 'a', '' FROM {_TIMES}
"""  # noqa: S608 — no word of it comes from outside
_MARKS = f"""
INSERT INTO monitor_score (shard, generation_id, name, source, project_id, value, reason, author, created_at)
SELECT 0, {_ID}, %(name)s, %(source)s, %(project)s, 3 + random(), '', '', now() FROM {_TIMES} WHERE t.n / %(models)s %% %(every)s = 0
"""  # noqa: S608 — as above


def main(releases: int, calls: int, models: int) -> dict[str, Any]:
    with folder() as home:
        os.environ |= {
            "VIGIL_DATA": str(home),
            "VIGIL_DEMO": "0",
            "DJANGO_SETTINGS_MODULE": "monitor.settings",
        }
        import django
        from django.conf import settings

        from monitor.store.servers import embedded

        django.setup()
        servers = [embedded.start_postgres(settings.LAYOUT), embedded.start_redis(settings.LAYOUT)]
        try:
            return _measured(releases, calls, models)
        finally:
            from django.db import connections

            connections.close_all()
            for server, number in zip(servers, (signal.SIGINT, signal.SIGTERM), strict=True):
                embedded.stop(server, number)


def _measured(releases: int, calls: int, models: int) -> dict[str, Any]:
    from django.core.management import call_command

    from monitor.canary import gather, opening, run
    from monitor.canary.models import Mode, Release
    from monitor.canary.wishes import GateWish, StageWish, Wish

    call_command("prepare", stdout=open(os.devnull, "w"))  # noqa: PTH123, SIM115 — nobody reads it
    project = _filled(models, calls)
    spent = _meter()
    gates = [
        GateWish(kind) for kind in ("error_ratio", "latency_tail", "latency_mean", "ttft_mean", "judge_score")
    ]
    begin, now = START + BEFORE, START + BEFORE + DAY + dt.timedelta(minutes=1)
    for number in range(releases):
        wish = Wish(
            f"m{number}", "v2", "v1", mode=Mode.RECOMMEND, started_at=begin, stages=[StageWish(0.2, 10_000)],
            gates=[*gates, GateWish("business_rule", "polite")],
        )  # fmt: skip
        opening.open_release(project, wish, now=now)
    first = spent()
    while Release.objects.exclude(evaluated_to=gather.closed(now) * 300).exists():
        run.run_due(now=now)
    caught_up = spent() - first
    marking, look = [0.0], gather._marked_late

    def marked_late(*given: Any) -> list[int]:
        before = spent()
        found = look(*given)
        marking[0] += spent() - before
        return found

    vars(gather)["_marked_late"] = marked_late
    looks, between = 0.0, 0.0
    for tick in range(1, TICKS + 1):
        before = spent()
        run.run_due(now=now + tick * TICK)
        looks += (middle := spent()) - before
        run.run_due(now=now + tick * TICK + dt.timedelta(minutes=1))
        between += spent() - middle
    errors = list(Release.objects.exclude(last_error="").values_list("last_error", flat=True)[:1])
    minutes = TICKS * 5
    return {
        "bench": "looks", "releases": releases, "calls": calls, "models": models, "errors": errors,
        "catching_up_cpu_s": round(caught_up, 1), "look_cpu_ms": round(1000 * looks / TICKS / releases, 1),
        "late_marks_cpu_s_a_minute": round(marking[0] / minutes, 3), "recount_cpu_ms": round(1000 * marking[0] / releases, 1),
        "looks_cpu_s_a_minute": round(looks / minutes, 3), "between_cpu_s_a_minute": round(between / TICKS * 4, 3),
        "percent_of_a_core": {
            "late marks": round(100 * marking[0] / minutes / 60, 2),
            "all": round(100 * (looks / minutes + between / TICKS * 4) / 60, 2),
        },
    }  # fmt: skip


def _filled(models: int, calls: int) -> int:
    """The project with its calls and marks."""
    from django.db import connection

    from monitor.core import clock
    from monitor.store import partitions
    from monitor.store.models import Project

    project = Project.objects.get(slug="main").pk
    span = BEFORE + DAY + (TICKS + 2) * TICK
    first = clock.to_ms(START)
    values = {
        "project": project, "models": models, "calls": calls, "first": first, "begin": clock.to_ms(START + BEFORE),
        "step": int(span.total_seconds() * 1_000_000) // calls,
    }  # fmt: skip
    partitions.for_generations(range(first, first + int(span.total_seconds() * 1000) + 1, 3_600_000))
    with connection.cursor() as cursor:
        cursor.execute(_CALLS, values)
        cursor.execute(_MARKS, values | {"name": "polite", "source": "rule", "every": 1})
        cursor.execute(_MARKS, values | {"name": "right", "source": "judge", "every": 10})
        cursor.execute("ANALYZE monitor_generation, monitor_score")
    return project


def _meter() -> Callable[[], float]:
    """Processor seconds of this process and of the one in PostgreSQL that answers it."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SET max_parallel_workers_per_gather = 0")
        cursor.execute("SELECT pg_backend_pid()")
        stat = Path(f"/proc/{cursor.fetchone()[0]}/stat")
    a_second = os.sysconf("SC_CLK_TCK")

    def spent() -> float:
        fields = stat.read_text("ascii").rpartition(")")[2].split()
        return time.process_time() + (int(fields[11]) + int(fields[12])) / a_second

    return spent


if __name__ == "__main__":
    given = [int(text) for text in sys.argv[1:4]]
    sys.stdout.write(json.dumps(main(*[*given, *(100, 1_000_000, 100)[len(given) :]])) + "\n")

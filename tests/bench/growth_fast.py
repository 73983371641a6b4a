"""Fills a project of ``tests.bench.growth`` in minutes: its rows by SQL and its series by the product, no texts.

    BENCH_HOME=FOLDER python -m tests.bench.growth_fast 10000000

Lists, filters, Overview and Compare then cost what they cost; a search in texts finds none.
"""

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

from monitor.core import clock
from tests.bench import growth

WINDOW_MS = 14_400_000
AT_ONCE = 25_000
ROWS = """
    INSERT INTO monitor_generation (shard, id, project_id, client_id, started_at, received_at, model, version,
        environment, operation, provider, route, duration_seconds, ttft_seconds, input_tokens, output_tokens, error,
        finish_reason, user_hash, session, trace_id, span_id, tenant, language, topic, template, grounding)
    SELECT %(shard)s, (lpad(to_hex(at), 12, '0') || '8' || substr(h, 1, 3) || '8' || substr(h, 4, 15))::uuid AS id,
        %(project)s, 'c' || n, to_timestamp(at / 1000.0), to_timestamp(at / 1000.0), 'm' || n %% 2,
        'v' || n / 2 %% 3, '', '', '', '', 0.2 + n %% 997 / 300.0, 0.1 + n %% 89 / 400.0, n %% 3000, n %% 700,
        CASE WHEN n %% 50 = 0 THEN 'timeout' END, '', substr(decode(md5('u' || n %% 1013), 'hex'), 1, 8), '', '', '',
        't' || n %% 11, 'en', (%(topics)s::text[])[n %% 7 + 1], '', ''
    FROM (SELECT n, (%(start)s + floor(n * %(step)s::float8))::bigint AS at, md5('c' || n) AS h
          FROM generate_series(%(first)s, %(last)s - 1) AS n) AS calls ORDER BY id
"""


def main() -> None:
    size, home = int(sys.argv[1]), Path(os.environ["BENCH_HOME"])
    home.mkdir(parents=True, exist_ok=True)
    with growth.database(home):
        fill(size, home)


def fill(size: int, home: Path) -> None:
    from monitor.store import partitions
    from monitor.store.ageing import compact
    from monitor.store.models import Project
    from monitor.store.shards import shards_of

    end, mark = growth.until(home), home / f"bench-{size}"
    project, _ = Project.objects.get_or_create(slug=f"n{size}", defaults={"name": "n", "created_at": end})
    start, step = clock.to_ms(end) - growth.SPAN_MS, growth.SPAN_MS / size
    at = int(mark.read_text(encoding="ascii")) if mark.exists() else 0
    while at < size:
        last = min(size, at + int(WINDOW_MS / step) + 1)
        now = clock.from_ms(int(start + last * step))
        partitions.for_generations([int(start + at * step), clock.to_ms(now)])
        partitions.for_batches(clock.to_ms(now))
        window(project.pk, shards_of(project.pk, 1)[0], range(at, last), start, step, now)
        compact.run(now=now)
        at = last
        mark.write_text(str(at), encoding="ascii")


def window(project: int, shard: int, calls: range, start: int, step: float, now: Any) -> None:
    """The rows and the series of these calls, in one transaction."""
    from django.db import connection, transaction

    from monitor.ingest import derive
    from monitor.store.samples import increments

    values: dict[str, Any] = {
        "shard": shard,
        "project": project,
        "start": start,
        "step": step,
        "topics": list(growth.TOPICS),
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(ROWS, values | {"first": calls.start, "last": calls.stop})
        for first in calls[::AT_ONCE]:
            part = columns(np.arange(first, min(first + AT_ONCE, calls.stop)), start, step)
            found = derive.increments(part, range(len(part)))
            assert found is not None
            increments.write(project, shard, found, now=now)


def columns(n: Any, start: int, step: float) -> Any:
    """What series are made of, the same as ``growth.call`` says of each."""
    from monitor.store.calls.writing import NUMBERS, TEXTS, Calls

    texts: dict[str, list[str]] = {name: [""] * len(n) for name in TEXTS}
    texts["model"] = [f"m{one}" for one in (n % 2).tolist()]
    texts["version"] = [f"v{one}" for one in (n // 2 % 3).tolist()]
    numbers: dict[str, list[float | None]] = {name: [None] * len(n) for name in NUMBERS}
    numbers["duration_seconds"] = (0.2 + n % 997 / 300).tolist()
    numbers["ttft_seconds"] = (0.1 + n % 89 / 400).tolist()
    numbers["input_tokens"], numbers["output_tokens"] = (n % 3000).tolist(), (n % 700).tolist()
    errors = ["timeout" if one % 50 == 0 else None for one in n.tolist()]
    times = [start + int(one * step) for one in n.tolist()]
    return Calls([None] * len(n), times, texts, numbers, errors, [], [], [], [])


if __name__ == "__main__":
    main()

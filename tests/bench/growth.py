"""What pages cost with ever more calls, in one run: list, filters, search, overview, compare, and the others.

Projects with BENCH_SIZES calls each (100 000 and 1 000 000), a week of them through the write path as it would have
come, with all series that follow from them. A large one takes hours to fill: with BENCH_HOME=FOLDER what is there
is kept, and BENCH_SECONDS says after how long filling stops; run it again to go on. Prints one JSON line: of each
page the medians, the processor time it takes (ours and PostgreSQL's), and both as ratios to the first size.
"""

import contextlib
import datetime as dt
import json
import os
import signal
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from monitor.core import clock
from tests.bench import private

SIZES = [int(text) for text in os.environ.get("BENCH_SIZES", "100000,1000000").split(",")]
SECONDS = float(os.environ.get("BENCH_SECONDS", "inf"))
DAYS, BATCH, TIMES = 7, 5_000, 9
SPAN_MS = DAYS * 86_400_000
# hours, page, parameters
PAGES = (
    (24, "overview", ""), (160, "overview", ""), (24, "compare", ""), (160, "compare", ""), (24, "generations", ""),
    (160, "generations", ""), (160, "generations", "errors=1"), (160, "generations", "model=m1&version=v2"),
    (160, "generations", "slower=3.5"), (160, "generations", "q=zebrafish"), (160, "generations", "q=nowhereatall"),
    (160, "generations", "tenant=nobody"), (160, "generations", "session=none"),
    (160, "generations", "errors=1&model=m1"), (24, "settings", ""), (24, "generations/CALL", ""), (24, "drift", ""),
    (24, "quality", ""), (24, "alerts", ""), (24, "rules", ""), (24, "releases", ""), (24, "senders", ""),
    (24, "engines", ""), (24, "dashboards/llm-service", ""),
)  # fmt: skip
TOPICS = ("refunds", "shipping", "contracts", "invoices", "leave", "travel", "other")


@contextlib.contextmanager
def database(home: Path) -> Iterator[int]:
    """PostgreSQL in that folder, for Django in this process; the id of its main process."""
    os.environ |= {"VIGIL_DATA": str(home), "VIGIL_DEMO": "0", "DJANGO_SETTINGS_MODULE": "monitor.settings"}
    for name in ("DATABASE_URL", "REDIS_URL"):
        os.environ.pop(name, None)
    import django

    from monitor.store.servers import embedded
    from monitor.store.servers.layout import Layout

    servers = [embedded.start_postgres(Layout(home)), embedded.start_redis(Layout(home))]
    try:
        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        yield servers[0].pid
    finally:
        from django.db import connections

        connections.close_all()
        for server, number in zip(servers, (signal.SIGINT, signal.SIGTERM), strict=True):
            embedded.stop(server, number, patience=120)


def main() -> None:
    kept = os.environ.get("BENCH_HOME")
    place = contextlib.nullcontext(Path(kept)) if kept else private.folder()
    with place as home, database(home) as server:
        end = until(home)
        deadline = time.monotonic() + SECONDS
        if not all(fill(size, end, deadline) for size in SIZES):
            return
        settle(end)
        print(json.dumps(measured(end, server), ensure_ascii=False))  # noqa: T201 — a benchmark talks


def until(home: Path) -> dt.datetime:
    """When the week ends: the hour of the first run."""
    mark = home / "bench-end"
    if not mark.exists():
        mark.write_text(str(clock.to_ms(clock.now()) // 3_600_000 * 3_600_000), encoding="ascii")
    return clock.from_ms(int(mark.read_text(encoding="ascii")))


def fill(size: int, end: dt.datetime, deadline: float) -> bool:
    """A project of that size, filled as long as there is time; whether it is full."""
    from monitor.ingest import pipeline
    from monitor.ingest.envelope import Batch
    from monitor.store.ageing import compact
    from monitor.store.calls import indexing
    from monitor.store.models import Project

    mark = Path(os.environ["VIGIL_DATA"]) / f"bench-{size}"
    at = int(mark.read_text(encoding="ascii")) if mark.exists() else 0
    made, _ = Project.objects.get_or_create(slug=f"n{size}", defaults={"name": "n", "created_at": end})
    start, step = clock.to_ms(end) - SPAN_MS, SPAN_MS / size
    began, first = time.monotonic(), at
    while at < size:
        if time.monotonic() > deadline:
            rate = (at - first) / (time.monotonic() - began)
            sys.stderr.write(f"{at} of {size}, {rate:.0f} a second\n")
            return False
        part = range(at, min(at + BATCH, size))
        now = clock.from_ms(int(start + part.stop * step))
        pipeline.take(made.pk, Batch(generations=[call(n, start + int(n * step)) for n in part]), now=now)
        if part.stop % 100_000 == 0 or part.stop == size:
            indexing.run(now=now)
            compact.run(now=now)
        at = part.stop
        mark.write_text(str(at), encoding="ascii")
    return True


def call(n: int, at: int) -> Any:
    from monitor.ingest.envelope import Generation

    said = (
        "a zebrafish is a small fish"
        if n % 20_011 == 10_000
        else f"what about my order of last week {n % 9_973}"
    )
    return Generation(
        model=f"m{n % 2}", version=f"v{n // 2 % 3}", id=f"c{n}", started_ms=at, duration_seconds=0.2 + n % 997 / 300, topic=TOPICS[n % 7],
        ttft_seconds=0.1 + n % 89 / 400, input_tokens=n % 3000, output_tokens=n % 700, error="timeout" if n % 50 == 0 else None,
        prompt=said, output="it is on its way", tenant=f"t{n % 11}", user=f"u{n % 1013}", language="en",
    )  # fmt: skip


def settle(end: dt.datetime) -> None:
    """What the product's own jobs would have done by then."""
    from django.db import connection

    from monitor.store.ageing import compact
    from monitor.store.calls import indexing

    indexing.run(now=end)
    compact.run(now=end + dt.timedelta(hours=3))
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")


def measured(end: dt.datetime, server: int) -> dict[str, Any]:
    from django.conf import settings
    from django.contrib.auth.models import User
    from django.test import Client

    settings.ALLOWED_HOSTS = ["*"]
    if not User.objects.exists():
        User.objects.create_superuser("bench", "bench@example.com", "bench-bench")
    client = Client()
    client.force_login(User.objects.get())
    whole = {size: newest(size, end) for size in SIZES}
    took: dict[str, dict[int, list[tuple[float, float]]]] = {}
    for turn in range(TIMES):
        for hours, page, query in PAGES:
            of = took.setdefault(f"{page} {hours}h {query}".strip(), {n: [] for n in SIZES})
            # another minute each time, so that nothing is answered from a kept answer
            last = int(end.timestamp()) - 60 * turn
            for size, runs in of.items():
                place = page.replace("CALL", whole[size])
                address = f"/p/n{size}/{place}/?from={last - hours * 3600}&to={last}&{query}"
                runs.append(timed(lambda: get(client, address), server))  # noqa: B023 — called at once
    told: dict[str, Any] = {
        "bench": "growth",
        "sizes": SIZES,
        "ms": {},
        "cpu_ms": {},
        "of_first": {},
        "cpu_of_first": {},
    }
    for page, of in took.items():
        walls = [statistics.median(wall for wall, _ in runs) for runs in of.values()]
        cpus = [statistics.fmean(cpu for _, cpu in runs[1:]) for runs in of.values()]
        for name, found in (("", walls), ("cpu_", cpus)):
            told[f"{name}ms"][page] = [round(one * 1e3, 1) for one in found]
            told[f"{name}of_first"][page] = [round(one / found[0], 2) for one in found]
    return told


def newest(size: int, end: dt.datetime) -> str:
    """The call of that project that came last."""
    from monitor.store.calls import generations
    from monitor.store.models import Project

    project = Project.objects.get(slug=f"n{size}").pk
    (found,) = generations.page(generations.Filter(project, end - dt.timedelta(days=1), end), limit=1)
    return str(found.id)


def get(client: Any, address: str) -> None:
    answer = client.get(address)
    if answer.status_code != 200:
        message = f"{address}: {answer.status_code}"
        raise RuntimeError(message)


def timed(work: Callable[[], object], server: int) -> tuple[float, float]:
    """Seconds, and seconds of processors."""
    cpu, began = time.process_time() + spent(server), time.perf_counter()
    work()
    wall = time.perf_counter() - began
    return wall, time.process_time() + spent(server) - cpu


def spent(server: int) -> float:
    """Processor seconds of all of PostgreSQL, with helpers that have ended."""
    a_second = os.sysconf("SC_CLK_TCK")
    children = Path(f"/proc/{server}/task/{server}/children").read_text("ascii").split()
    total = 0
    for pid, columns in [(server, range(11, 15)), *((int(one), range(11, 13)) for one in children)]:
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
            total += sum(int(fields[column]) for column in columns)
    return total / a_second


if __name__ == "__main__":
    main()

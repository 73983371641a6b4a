"""Calls a second over real HTTP, as a share of what the database alone can do with the same rows.

Everything in one run on one machine, the two sides in turns, so the ratios travel better than the figures. Prints
one JSON line: native JSON at 1,000 and 100 a request against the whole bare transaction of 1,000 rows; one a
request against single-row commits at the same number of connections; how long an answer takes at half load.
``of_bare`` is by the clock, ``of_bare_cpu`` by processor time, which says more where others use the machine.
One call in fifty holds something personal; ``personal`` is the demo's own mix, where one in five does.
"""

import contextlib
import itertools
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from monitor.core import clock
from monitor.ingest.protocols.native import PlainGeneration
from monitor.ingest.redaction.calls import clean
from monitor.ingest.redaction.policy import DEFAULT
from monitor.management.simulation import traffic
from monitor.management.simulation.story import HOUR, Story
from tests.bench import load, private
from tests.bench.bare import Bare

PATH = "/api/v1/generations"
BARE_SIZE = 1000
ROWS = 12_000
SINGLES = 1_200
ROUNDS = 3
CLIENTS = (1, 4)
SINGLE_CLIENTS = (1, 4, 16)
HALF_LOAD_SECONDS = 4.0
# by then PostgreSQL has seen the end of a connection, and its time is counted
SETTLED_SECONDS = 0.1


class Bench:
    def __init__(self, mine: private.Private, key: str) -> None:
        self.mine, self.key, self.serial = mine, key, itertools.count()
        # microseconds of web, database and background processes and of this one for a call, by calls in a request
        self.cpu: dict[object, list[float]] = {}
        now = clock.now().timestamp()
        self.demo = list(traffic.calls(Story(now, rate=2.0), now - 4 * HOUR, now))
        self.calls = ordinary(self.demo)

    def requests(self, rows: int, size: int) -> list[bytes]:
        """``rows`` calls in requests of ``size``, each call under an id of its own."""
        endless = itertools.cycle(self.calls)
        fresh = [{**next(endless), "id": f"bench-{next(self.serial)}"} for _ in range(rows)]
        return [
            load.request(
                PATH,
                self.key,
                json.dumps({"generations": fresh[at : at + size]}, ensure_ascii=False).encode(),
            )
            for at in range(0, rows, size)
        ]

    def rate(self, rows: int, size: int, clients: int) -> float:
        requests, before = self.requests(rows, size), self.spent()
        result = load.run(self.mine.port, requests, clients)
        assert result.accepted == rows, f"{result.accepted} of {rows} accepted, {result.busy} sent away"
        self.note(size, rows, before)
        return rows / result.seconds

    def spent(self) -> list[float]:
        """Processor seconds so far: web, database, background, this process."""
        return [*(self.seconds(mark) for mark in ("granian", "postgres", "celery")), time.process_time()]

    def note(self, kind: object, rows: int, before: list[float]) -> None:
        """Keep what a call took where it took least."""
        took = [1e6 * (now - then) / rows for now, then in zip(self.spent(), before, strict=True)]
        self.cpu[kind] = min(self.cpu.get(kind, took), took, key=lambda one: one[0] + one[1])

    def personal(self, rows: int, clients: int) -> float:
        """The rate of the demo's own calls, a thousand to a request."""
        calls, self.calls = self.calls, self.demo
        try:
            requests, before = self.requests(rows, 1000), self.spent()
        finally:
            self.calls = calls
        result = load.run(self.mine.port, requests, clients)
        self.note("personal", rows, before)
        return result.accepted / result.seconds

    def seconds(self, mark: str) -> float:
        """Processor time of our processes of that name: it says more than a clock where others use the machine."""
        ticks = 0
        for pid in self.mine.tree():
            folder = Path(f"/proc/{pid}")
            with contextlib.suppress(OSError):
                if mark.encode() in (folder / "cmdline").read_bytes():
                    # its own, and that of its children that have ended
                    fields = (folder / "stat").read_text().rpartition(")")[2].split()
                    ticks += sum(map(int, fields[11:15]))
        return ticks / os.sysconf("SC_CLK_TCK")

    def bare_cpu(self, work: Callable[[], float], rows: int) -> tuple[float, float]:
        """Rows a second of the bare transaction, and microseconds of PostgreSQL's processors for a row."""
        time.sleep(SETTLED_SECONDS)
        before = self.seconds("postgres")
        rate = work()
        time.sleep(SETTLED_SECONDS)
        return rate, 1e6 * (self.seconds("postgres") - before) / rows

    def half_load(self, size: int, clients: int, most: float) -> dict[str, float]:
        """Milliseconds from when a request was due to its answer, at half the rate that was reached."""
        per_second = most / 2 / size
        count = int(min(per_second * HALF_LOAD_SECONDS, 6_000)) or 1
        result = load.run(self.mine.port, self.requests(count * size, size), clients, every=1 / per_second)
        return {
            "per_s": round(per_second * size),
            "p50_ms": round(1000 * result.quantile(0.5), 1),
            "p99_ms": round(1000 * result.quantile(0.99), 1),
        }


def ordinary(calls: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without those that hold something personal, but for one in fifty."""
    held = [bool(clean(msgspec.convert(one, PlainGeneration), DEFAULT)) for one in calls]
    people = itertools.compress(calls, held)
    plain = [one for one, has in zip(calls, held, strict=True) if not has]
    return [next(people, one) if place % 50 == 0 else one for place, one in enumerate(plain)]


def main() -> None:
    with private.folder() as data, private.vigil(data) as mine:
        key = mine.project("bench", "ingest")
        bench = Bench(mine, key)
        bench.rate(BARE_SIZE * 2, 100, 4)
        bench.rate(ROWS, 1000, 2)
        bare = Bare(data)
        pieces = bare.rows(ROWS, BARE_SIZE)
        figures: dict[str, float] = {}
        shares: dict[str, float] = {}
        bare_us: list[float] = []
        for clients in CLIENTS:
            alone, at_once, by_hundred, with_people = [], [], [], []
            for _ in range(ROUNDS):
                rate, spent = bench.bare_cpu(partial(bare.whole, pieces, BARE_SIZE, clients), ROWS)
                alone.append(rate)
                bare_us.append(spent)
                at_once.append(bench.rate(ROWS, 1000, clients))
                by_hundred.append(bench.rate(ROWS // 4, 100, clients))
                with_people.append(bench.personal(ROWS, clients))
            figures[f"bare_{clients}"] = statistics.median(alone)
            kinds = {"batch_1000": at_once, "batch_100": by_hundred, "personal_1000": with_people}
            for kind, rates in kinds.items():
                figures[f"{kind}_clients_{clients}"] = statistics.median(rates)
                shares[f"{kind}_clients_{clients}"] = statistics.median(
                    got / base for got, base in zip(rates, alone, strict=True)
                )
        for clients in SINGLE_CLIENTS:
            commits, singles = [], []
            for _ in range(ROUNDS):
                commits.append(bare.single(SINGLES, clients))
                singles.append(bench.rate(SINGLES, 1, clients))
            figures[f"bare_single_{clients}"] = statistics.median(commits)
            figures[f"single_{clients}"] = statistics.median(singles)
            shares[f"single_{clients}"] = statistics.median(
                got / base for got, base in zip(singles, commits, strict=True)
            )
        half = {
            "batch_1000": bench.half_load(1000, 4, figures["batch_1000_clients_4"]),
            "batch_100": bench.half_load(100, 4, figures["batch_100_clients_4"]),
            "single": bench.half_load(1, 16, figures["single_16"]),
        }
        answer = {
            "bench": "ingest",
            "of_bare": {name: round(share, 3) for name, share in shares.items()},
            "of_bare_cpu": {
                str(kind): round(min(bare_us) / sum(bench.cpu[kind][:2]), 3)
                for kind in (1000, 100, "personal")
            },
            "per_s": {name: round(rate) for name, rate in figures.items()},
            "cpu_us_per_call_web_db_background_client": {
                "bare": round(min(bare_us)),
                **{str(kind): [round(us) for us in spent] for kind, spent in bench.cpu.items()},
            },
            "half_load": half,
            "agrees": mine.manage("verify", "--project", "bench").splitlines()[-1],
        }
        sys.stdout.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()

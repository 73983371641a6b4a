"""Calls a second over real HTTP, as a share of what the database alone can do with the same rows.

Everything in one run on one machine, the two sides in turns, so the ratios travel better than the figures. Prints
one JSON line: native JSON at 1,000 and 100 a request against the whole bare transaction of 1,000 rows; one a
request against single-row commits at the same number of connections; how long an answer takes at half load.
``of_bare`` is by the clock, ``of_bare_cpu`` by processor time, which says more where others use the machine.
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

from monitor.core import clock
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
        # microseconds of web and database processes for one call, by calls in a request
        self.cpu: dict[int, list[float]] = {}
        now = clock.now().timestamp()
        self.calls = list(traffic.calls(Story(now, rate=2.0), now - 4 * HOUR, now))

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
        requests, before = self.requests(rows, size), (self.seconds("granian"), self.seconds("postgres"))
        result = load.run(self.mine.port, requests, clients)
        assert result.accepted == rows, f"{result.accepted} of {rows} accepted, {result.busy} sent away"
        after = (self.seconds("granian"), self.seconds("postgres"))
        spent = [1e6 * (now - then) / rows for now, then in zip(after, before, strict=True)]
        self.cpu[size] = min(self.cpu.get(size, spent), spent)
        return rows / result.seconds

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


def main() -> None:
    with private.folder() as data, private.vigil(data) as mine:
        mine.manage("project", "create", "bench")
        key = mine.manage("key", "create", "--project", "bench", "--name", "b", "--scope", "ingest")
        bench = Bench(mine, key)
        bench.rate(BARE_SIZE * 2, 100, 4)
        bench.rate(ROWS, 1000, 2)
        bare = Bare(data)
        pieces = bare.rows(ROWS, BARE_SIZE)
        figures: dict[str, float] = {}
        shares: dict[str, float] = {}
        bare_us: list[float] = []
        for clients in CLIENTS:
            alone, at_once, by_hundred = [], [], []
            for _ in range(ROUNDS):
                rate, spent = bench.bare_cpu(partial(bare.whole, pieces, BARE_SIZE, clients), ROWS)
                alone.append(rate)
                bare_us.append(spent)
                at_once.append(bench.rate(ROWS // 2, 1000, clients))
                by_hundred.append(bench.rate(ROWS // 4, 100, clients))
            figures[f"bare_{clients}"] = statistics.median(alone)
            for size, rates in ((1000, at_once), (100, by_hundred)):
                figures[f"batch_{size}_clients_{clients}"] = statistics.median(rates)
                shares[f"batch_{size}_clients_{clients}"] = statistics.median(
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
                f"batch_{size}": round(min(bare_us) / sum(bench.cpu[size]), 3) for size in (1000, 100)
            },
            "per_s": {name: round(rate) for name, rate in figures.items()},
            "cpu_us_per_call": {
                "bare": round(min(bare_us)),
                **{str(size): [round(us) for us in spent] for size, spent in bench.cpu.items()},
            },
            "half_load": half,
            "agrees": mine.manage("verify", "--project", "bench").splitlines()[-1],
        }
        sys.stdout.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()

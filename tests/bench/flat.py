"""Does memory stay flat under a steady stream of samples? One JSON line with a figure every 20 s.

    python -m tests.bench.flat [seconds] [series] [samples per second]

Samples come by remote-write in requests of 500, at the rate of the wall clock, and a panel's questions beside
them. Shared buffers, which fill once and stay, are told apart.
"""

import json
import sys
import time

from monitor.core import clock
from tests.bench.fleet import fleet, get, memory, scrape
from tests.bench.load import Wire
from tests.bench.private import Private, folder, vigil

SECONDS, SERIES, RATE = 600, 1_000, 2_000
SIZE = 500
EVERY = 20.0
PANEL = "/api/v1/query_range?query=sum+by+(model)+(rate(metric_3_total[1m]))&start={start}&end={end}&step=5"


def main() -> None:
    given = [int(word) for word in sys.argv[1:]]
    seconds, series, rate = (*given, *(SECONDS, SERIES, RATE)[len(given) :])
    with folder() as data, vigil(data) as private:
        key = private.project("bench", "ingest", "query")
        figures = _run(private, key, seconds, series, rate)
        half = figures[len(figures) // 2 :]
        grown = {kind: round(half[-1][kind] - half[0][kind], 1) for kind in half[0] if kind != "second"}
        print(json.dumps({"bench": "flat", "series": series, "rate": rate, "grown_in_second_half_mb": grown, "figures": figures}))  # noqa: T201 - a benchmark talks  # fmt: skip


def _run(private: Private, key: str, seconds: int, series: int, rate: int) -> list[dict[str, float]]:
    labels, wire = fleet(series), Wire(private.port)
    began, figures, number = time.monotonic(), list[dict[str, float]](), 0
    while (passed := time.monotonic() - began) < seconds:
        if passed >= len(figures) * EVERY:
            figures.append({"second": round(passed), **memory(private.tree())})
        due = number * series / rate
        if due > passed:
            time.sleep(min(due - passed, 0.5))
            continue
        now = clock.to_ms(clock.now())
        for request in scrape(labels, now, number, key, SIZE):
            status, body = wire.ask(request)
            if status // 100 != 2:
                raise RuntimeError(body[:300].decode(errors="replace"))
        get(wire, PANEL.format(start=now // 1000 - 900, end=now // 1000), key)
        number += 1
    figures.append({"second": round(time.monotonic() - began), **memory(private.tree())})
    return figures


if __name__ == "__main__":
    main()

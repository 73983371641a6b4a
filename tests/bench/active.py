"""100,000 active series: what a steady stream of their samples costs, and questions about labels. One JSON line.

    python -m tests.bench.active [series] [scrapes]

Requests of 2,000 samples over four connections. The first scrape makes the series; the steady figure is of those
after it. Answers are medians in ms beside an empty authenticated request.
"""

import json
import statistics
import sys
import threading
import time

from monitor.core import clock
from tests.bench.fleet import cpu, fleet, get, memory, scrape
from tests.bench.load import Wire
from tests.bench.private import Private, folder, vigil

SERIES, SCRAPES = 100_000, 6
SIZE, CLIENTS = 2_000, 4
EVERY_MS = 15_000
ROUNDS = 15
PATHS = {
    "empty": "/api/v1/status/buildinfo",
    "label_names": "/api/v1/labels",
    "values_of_a_label": "/api/v1/label/model/values",
    "values_of_instance": "/api/v1/label/instance/values",
    "values_of_a_metric": "/api/v1/label/instance/values?match[]=metric_3_total",
    "series_of_an_instance": "/api/v1/series?match[]={instance=%2210.1.7.1:8000%22}",
    "sum_of_a_metric": "/api/v1/query?query=sum+by+(model)+(metric_3_total)&time=TIME",
    "rate_of_a_metric": "/api/v1/query?query=sum+by+(model)+(rate(metric_3_total[5m]))&time=TIME",
}


def main() -> None:
    given = [int(word) for word in sys.argv[1:]]
    series, scrapes = (*given, *(SERIES, SCRAPES)[len(given) :])
    with folder() as data, vigil(data) as private:
        key = private.project("bench", "ingest", "query")
        print(json.dumps({"bench": "active", "series": series, **_measured(private, key, series, scrapes)}))  # noqa: T201 - a benchmark talks


def _measured(private: Private, key: str, series: int, scrapes: int) -> dict[str, object]:
    labels = fleet(series)
    last = clock.to_ms(clock.now())
    found: dict[str, object] = {}
    spent, rates = [], []
    for number in range(scrapes):
        at = last - (scrapes - 1 - number) * EVERY_MS
        requests = list(scrape(labels, at, number, key, SIZE))
        before, began = cpu(private.tree()), time.perf_counter()
        _send(private.port, requests)
        rates.append(series / (time.perf_counter() - began))
        spent.append(cpu(private.tree()) - before)
    found["first_scrape_samples_per_s"] = round(rates[0])
    found["steady_samples_per_s"] = round(statistics.median(rates[1:]))
    found["steady_cpu_s_per_million"] = round(statistics.median(spent[1:]) / series * 1e6, 2)
    found |= _asked(private.port, key, str(last / 1000))
    found["memory_mb"] = memory(private.tree())
    return found


def _send(port: int, requests: list[bytes]) -> None:
    failures: list[str] = []

    def work(mine: list[bytes]) -> None:
        wire = Wire(port)
        for request in mine:
            status, body = wire.ask(request)
            if status // 100 != 2:
                failures.append(f"{status} {body[:200].decode(errors='replace')}")
        wire.close()

    threads = [threading.Thread(target=work, args=(requests[n::CLIENTS],)) for n in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise RuntimeError(failures[0])


def _asked(port: int, key: str, moment: str) -> dict[str, object]:
    """First and median answers; the first makes a process learn all series."""
    wire = Wire(port)
    first: dict[str, float] = {}
    took: dict[str, list[float]] = {name: [] for name in PATHS}
    for turn in range(ROUNDS + 1):
        for name, path in PATHS.items():
            began = time.perf_counter()
            get(wire, path.replace("TIME", moment), key)
            seconds = time.perf_counter() - began
            if turn:
                took[name].append(seconds)
            else:
                first[name] = round(seconds * 1000, 1)
    wire.close()
    return {
        "first_ms": first,
        "median_ms": {name: round(statistics.median(one) * 1000, 2) for name, one in took.items()},
    }


if __name__ == "__main__":
    main()

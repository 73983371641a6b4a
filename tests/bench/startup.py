"""How long from nothing to the first page, and what it costs to do nothing. Prints one JSON line."""

import json
import os
import re
import time
from pathlib import Path

from tests.bench import private

IDLE_SECONDS = 30
SETTLE_SECONDS = 10
TICKS = os.sysconf("SC_CLK_TCK")


def main() -> None:
    with private.folder() as data:
        with private.vigil(data) as first:
            first_seconds = first.ready_seconds
        with private.vigil(data) as again:
            time.sleep(SETTLE_SECONDS)
            before = {pid: cpu_seconds(pid) for pid in again.tree()}
            time.sleep(IDLE_SECONDS)
            after = {pid: cpu_seconds(pid) for pid in again.tree()}
            spent = sum(seconds - before.get(pid, 0.0) for pid, seconds in after.items())
            result = {
                "bench": "startup",
                "first_start_seconds": round(first_seconds, 2),
                "second_start_seconds": round(again.ready_seconds, 2),
                "idle_cpu_of_one_core": round(spent / IDLE_SECONDS, 4),
                "processes": len(after),
                "rss_mb": round(sum(memory(pid, "Rss") for pid in after) / 1024),
                "pss_mb": round(sum(memory(pid, "Pss") for pid in after) / 1024),
            }
    print(json.dumps(result))  # noqa: T201 — a benchmark talks


def cpu_seconds(pid: int) -> float:
    """User and system time of one process; 0 when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory(pid: int, kind: str) -> int:
    """``Rss`` counts shared pages in each process, ``Pss`` once in all; kB."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    match = re.search(rf"^{kind}:\s+(\d+) kB", text, re.MULTILINE)
    return int(match[1]) if match else 0


if __name__ == "__main__":
    main()

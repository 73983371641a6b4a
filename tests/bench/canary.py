"""The gates of a release over generated worlds: false failures, detections and passes per scenario.

    python -m tests.bench.canary SCENARIOS.py [ID ...]

SCENARIOS.py as in ``tests.bench.drift``; its canary scenarios run with a look every 5 minutes for 24 hours.
"""

import json
import statistics
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from monitor.canary import sums
from monitor.canary.gates import judge
from monitor.canary.kinds import USUAL
from monitor.canary.paths import Gate, Plan
from monitor.canary.sums import Arm, Body, Wanted
from tests.bench.drift import loaded

LEAD, DAY = 72, 288
GATES = [Gate(kind, kind, needed=needed) for kind, needed in USUAL]


def arms(calls: dict[str, np.ndarray]) -> tuple[Arm, Arm]:
    """Calls of a world as the store would give them."""
    return _arm(calls, 0), _arm(calls, 1)


def _arm(calls: dict[str, np.ndarray], version: int) -> Arm:
    kept = {name: values[calls["version"] == version] for name, values in calls.items()}
    n = kept["t"].size
    nothing = np.full(n, "", dtype=object)
    bucket = (kept["t"] // 300).astype(np.int64)
    group = kept["slot"].astype(np.int64) % 25
    columns = {
        "bucket": bucket, "group": group, "stratum": nothing, "error": kept["error"].astype(np.int64),
        "grounding": nothing, "finish": nothing, "duration": kept["latency"], "ttft": kept["ttft"],
        "speed": np.full(n, np.nan), "cost": np.full(n, np.nan), **dict.fromkeys(sums.MIXES, nothing),
        "topic": kept["topic"].astype(str).astype(object),
    }  # fmt: skip
    marked = np.isfinite(kept["judge_score"])
    m = int(marked.sum())
    marks = {
        "bucket": bucket[marked], "group": group[marked], "stratum": np.full(m, "", dtype=object),
        "name": np.full(m, "judge", dtype=object), "source": np.full(m, "judge", dtype=object),
        "value": kept["judge_score"][marked],
    }  # fmt: skip
    return Arm(columns, marks)


def bodies_of(calls: dict[str, np.ndarray], first: int, end: int) -> list[Body]:
    found = sums.bodies(*arms(calls), first, end, Wanted(strata=frozenset({""})))
    return [sums.unpack(sums.pack(found[one])) for one in range(first, end)]


def scenario_figures(module: ModuleType, scenario: Any) -> dict[str, Any]:
    verdicts: list[str] = []
    delays: dict[str, list[float]] = {"fail": [], "pass": []}
    fails: dict[str, int] = {}
    for seed in scenario.seeds:
        world, changes = scenario.build(seed)
        calls = module.generate(world, changes)
        begin = int(world.canary_from_h * 12)
        bodies = bodies_of(calls, begin - LEAD, begin + DAY)
        judged = judge(bodies, GATES, Plan(0.05, (LEAD,), 1, world.canary_share))
        path = judged.verdicts()[LEAD:]
        if "fail" in path:
            verdicts.append("fail")
            delays["fail"].append((path.index("fail") + 1) / 12)
            for one in judged.paths:
                if one.verdict() == "fail":
                    fails[one.gate.key] = fails.get(one.gate.key, 0) + 1
        elif "pass" in path:
            verdicts.append("pass")
        else:
            verdicts.append("undecided")
        if "pass" in path:
            delays["pass"].append((path.index("pass") + 1) / 12)
    return {
        "verdicts": {one: verdicts.count(one) for one in ("pass", "fail", "undecided")}, "failed_by": fails,
        "ever_passed": len(delays["pass"]),
        **{f"{one}_median_h": round(statistics.median(found), 2) for one, found in delays.items() if found},
    }  # fmt: skip


if __name__ == "__main__":
    if len(sys.argv) < 2 or not Path(sys.argv[1]).is_file():
        raise SystemExit(__doc__)
    module = loaded(sys.argv[1])
    for scenario in module.SCENARIOS.values():
        if scenario.kind == "canary" and (len(sys.argv) == 2 or scenario.id in sys.argv[2:]):
            line = {"scenario": scenario.id, **scenario_figures(module, scenario), "limit": scenario.limit}
            sys.stdout.write(json.dumps(line) + "\n")
            sys.stdout.flush()

"""The gates of a release over generated worlds: false failures, detections and passes per scenario.

    python -m tests.bench.canary SCENARIOS.py [ID ...]
    python -m tests.bench.canary SEEDS [NAME ...]

SCENARIOS.py as in ``tests.bench.drift``; its canary scenarios run with a look every 5 minutes for 24 hours. A number
of seeds runs the worlds of ``tests/canary/worlds.py``, in which users stay with a version and differ, shares ramp, both
versions are shocked, or prompts differ, for 15 hours each: equal versions, and worse ones. One JSON line each.
"""

import json
import statistics
import sys
from collections.abc import Callable
from dataclasses import replace
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
from tests.canary.worlds import LEAD as LEAD_OF_WORLDS
from tests.canary.worlds import World, bodies, plan

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


STEADY = World(errors=0.03)
RAMP = replace(STEADY, users=2000, steps=((0, 0.01), (36, 0.05), (72, 0.25), (108, 0.5)))
WORLDS = {
    "15 users": replace(STEADY, steps=((0, 0.015),)),
    "25 users": replace(STEADY, steps=((0, 0.025),)),
    "50 users": STEADY,
    "200 users": replace(STEADY, steps=((0, 0.2),)),
    "50 users, some much busier": replace(STEADY, busier=0.7),
    "50 users who differ twice as much": replace(STEADY, users_sd=1.0, faults_sd=1.6),
    "by call": replace(STEADY, sticky=False),
    "ramp": RAMP,
    "shock": replace(STEADY, steps=((0, 0.2),), shock=(24, 30)),
    "2 % and quiet nights": replace(STEADY, users=4000, steps=((0, 0.02),), night=0.2),
    "hard prompts for one": replace(STEADY, steps=((0, 0.2),), hard=(0.1, 0.6)),
}
WORSE: dict[str, Callable[[World], World]] = {
    "errors x4": lambda world: replace(world, times_errors=4.0),
    "slower x1.6": lambda world: replace(world, times_latency=1.6),
    "marks -0.6": lambda world: replace(world, points=-0.6),
}


def world_figures(name: str, seeds: int) -> dict[str, Any]:
    """How often equal versions failed and passed at any look, and worse ones failed."""
    equal = [judge(bodies(WORLDS[name], seed), GATES, plan(WORLDS[name])) for seed in range(seeds)]
    by = [one.gate.key for judged in equal for one in judged.paths if one.verdict() == "fail"]
    line: dict[str, Any] = {
        "world": name, "seeds": seeds, "equal_failed": sum("fail" in one.verdicts() for one in equal),
        "equal_passed": sum("pass" in one.verdicts() for one in equal),
        "failed_by": {key: by.count(key) for key in sorted(set(by))},
    }  # fmt: skip
    for kind, change in WORSE.items():
        world = change(WORLDS[name])
        found = [
            judge(bodies(world, seed), GATES, plan(world)).verdicts() for seed in range(max(1, seeds // 8))
        ]
        hours = [(path.index("fail") - LEAD_OF_WORLDS + 1) / 12 for path in found if "fail" in path]
        line[kind] = f"{len(hours)} of {len(found)}" + (
            f" in {statistics.median(hours):.1f} h" if hours else ""
        )
    return line


def tell(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    if len(sys.argv) > 1 and sys.argv[1].isdecimal():
        for name in sys.argv[2:] or WORLDS:
            tell(world_figures(name, int(sys.argv[1])))
        raise SystemExit
    if len(sys.argv) < 2 or not Path(sys.argv[1]).is_file():
        raise SystemExit(__doc__)
    module = loaded(sys.argv[1])
    for scenario in module.SCENARIOS.values():
        if scenario.kind == "canary" and (len(sys.argv) == 2 or scenario.id in sys.argv[2:]):
            tell({"scenario": scenario.id, **scenario_figures(module, scenario), "limit": scenario.limit})

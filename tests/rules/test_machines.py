"""The rules about cards and engines: each fires on its own fault, none on what only looks like it."""

import datetime as dt
from collections.abc import Callable, Mapping
from functools import partial

from monitor.alerting import receive
from monitor.core.clock import to_ms
from monitor.core.labels import Labels
from monitor.rules import evaluate, exchange, read, sets, yaml
from monitor.rules.history import Author
from monitor.store.samples import append
from tests.fixtures.fix_cast import NOON, Cast

MINUTES = 14
At = Callable[[int], float | None]
WAITING = "vllm:num_requests_waiting"


def card(host: str, **more: str) -> dict[str, str]:
    return {"host": host, "gpu": "0", "uuid": f"GPU-{host}", "name": "H100", **more}


def after(minute: int, value: float, before: float | None = 0.0) -> At:
    return lambda at: value if at >= minute else before


def till(minute: int, value: float) -> At:
    return lambda at: value if at < minute else None


# what must fire it
FAULTS: Mapping[str, Mapping[str, tuple[Mapping[str, str], At]]] = {
    "GPUXid": {"gpu_xid_errors_total": (card("xid"), after(8, 1))},
    "GPUDoubleBitError": {"gpu_ecc_errors_total": (card("ecc", kind="uncorrected"), after(8, 1))},
    "GPUThrottled": {"gpu_throttle": (card("slow", reason="hw_thermal"), after(1, 1))},
    "GPUMemoryFull": {
        "gpu_memory_used_bytes": (card("full"), after(1, 77e9)), "gpu_memory_total_bytes": (card("full"), after(0, 80e9)),
    },
    "GPULost": {"gpu_up": (card("lost"), after(8, 0, 1))},
    "GPUIdleWhileRequestsWait": {
        "gpu_utilization_ratio": (card("hung"), after(0, 0.0)),
        WAITING: ({"job": "vllm", "instance": "hung:8000"}, after(4, 3)),
    },
}  # fmt: skip
OTHERS: Mapping[str, Mapping[str, tuple[Mapping[str, str], At]]] = {
    "GPUXid": {
        "gpu_xid_last_code": (card("dcgm"), after(8, 79, None)), "gpu_temperature_celsius": (card("dcgm"), after(-9, 60)),
    },
    "GPULost": {"gpu_memory_total_bytes": (card("silent"), till(4, 80e9))},
    "GPUThrottled": {"gpu_throttle_seconds_total": (card("dcgm-slow", reason="thermal"), lambda at: 60.0 * (at + 9))},
    "GPUIdleWhileRequestsWait": {
        "gpu_utilization_ratio": (card("told"), after(0, 0.0)),
        "sglang_num_queue_reqs": ({"job": "s", "instance": "10.0.0.1:30000", "gpu_host": "told"}, after(1, 1)),
    },
}  # fmt: skip
# engines that are known by other labels than the first
JOINED: tuple[tuple[str, Mapping[str, str], At], ...] = (
    ("gpu_utilization_ratio", card("gpu-7.lan"), after(0, 0.0)),
    (WAITING, {"job": "v", "instance": "gpu-7:8000"}, after(1, 2)),
    ("gpu_utilization_ratio", card("named"), lambda at: 0.0 if at % 2 else None),
    (WAITING, {"job": "v", "instance": "10.0.0.9:8000", "Hostname": "named", "node": "named"}, after(1, 2)),
    ("gpu_utilization_ratio", card("shared", gpu="1"), after(0, 0.8)),
    ("gpu_utilization_ratio", card("shared"), after(0, 0.0)),
    (WAITING, {"job": "v", "instance": "shared:8000", "gpus": "0"}, after(1, 2)),
)
# what must not
NEAR_MISSES: tuple[tuple[str, Mapping[str, str], At], ...] = (
    ("gpu_xid_errors_total", card("old-xid"), after(-9, 5)),
    ("gpu_xid_last_code", card("old-xid"), after(-9, 31)),
    ("gpu_xid_last_code", card("new-here"), after(4, 31, None)),
    ("gpu_temperature_celsius", card("new-here"), after(4, 60, None)),
    ("gpu_ecc_errors_total", card("corrected", kind="corrected"), after(8, 40)),
    ("gpu_throttle", card("capped", reason="power_cap"), after(0, 1)),
    ("gpu_throttle", card("short", reason="hw_thermal"), lambda at: float(0 <= at < 8)),
    ("gpu_throttle", card("blips", reason="sw_thermal"), lambda at: float(at % 2)),
    ("gpu_throttle_seconds_total", card("a-power-cap", reason="power"), lambda at: 60.0 * (at + 9)),
    ("gpu_memory_total_bytes", card("replaced"), till(4, 80e9)),
    ("gpu_memory_total_bytes", card("replaced") | {"uuid": "GPU-new"}, after(5, 80e9, None)),
    *(
        (WAITING, {"job": "tp", "instance": "ranks:8000", "tp_rank": str(rank)}, after(0, 3))
        for rank in range(8)
    ),
    ("gpu_memory_used_bytes", card("roomy"), after(0, 75e9)),
    ("gpu_memory_total_bytes", card("roomy"), after(0, 80e9)),
    ("gpu_up", card("up"), after(-9, 1)),
    ("gpu_utilization_ratio", card("idle"), after(0, 0.0)),
    (WAITING, {"job": "vllm", "instance": "idle:8000"}, after(0, 0)),
    ("gpu_utilization_ratio", card("busy"), after(0, 0.5)),
    (WAITING, {"job": "vllm", "instance": "busy:8000"}, after(0, 3)),
    (WAITING, {"job": "vllm", "instance": "elsewhere:8000"}, after(0, 3)),
)


def live(cast: Cast, series: list[tuple[str, Mapping[str, str], At]]) -> set[tuple[str, str]]:
    """A quarter of an hour, a look each minute; (alert, host or instance) of everything that ever fires."""
    groups = [group for group in yaml.load(sets.text("starter")) if group.name in {"gpus", "engines"}]
    exchange.take(cast.project.id, groups, exchange.Terms(Author("ada", NOON)))
    fired: set[tuple[str, str]] = set()
    for minute in range(-5, MINUTES + 1):
        now = NOON + dt.timedelta(minutes=minute)
        points = [
            (Labels({"__name__": name, **labels}), to_ms(now), value)
            for name, labels, at in series
            if (value := at(minute)) is not None
        ]
        append.samples(cast.project.id, points, now=now)
        evaluate.run_due(evaluate.stored(partial(receive.take, now=now), now=now), now=now)
        fired |= {
            (one.name, one.labels.get("host") or one.labels["instance"])
            for one in read.alerts(cast.project.id)
            if one.state == "firing"
        }
    assert {rule.health for rule in read.rules(cast.project.id)} == {"ok"}
    return fired


def test_each_rule_fires_on_its_own_fault_alone(cast: Cast) -> None:
    faults = [
        (name, labels, at)
        for one in (FAULTS, OTHERS)
        for told in one.values()
        for name, (labels, at) in told.items()
    ]
    assert live(cast, [*faults, *JOINED, *NEAR_MISSES]) == {
        ("GPUXid", "xid"), ("GPUXid", "dcgm"), ("GPUDoubleBitError", "ecc"), ("GPUThrottled", "slow"),
        ("GPUMemoryFull", "full"), ("GPULost", "lost"), ("GPULost", "silent"),
        ("GPUIdleWhileRequestsWait", "hung:8000"), ("GPUIdleWhileRequestsWait", "10.0.0.1:30000"),
        ("GPUIdleWhileRequestsWait", "gpu-7:8000"), ("GPUIdleWhileRequestsWait", "10.0.0.9:8000"),
        ("GPUIdleWhileRequestsWait", "shared:8000"), ("GPUThrottled", "dcgm-slow"),
    }  # fmt: skip


def test_the_quiet_ones_alone_fire_nothing(cast: Cast) -> None:
    assert live(cast, list(NEAR_MISSES)) == set()

import dataclasses
import datetime as dt
import json

import pytest

from dashboards import gpus
from monitor.core.clock import to_ms
from monitor.core.labels import Labels
from monitor.gpu import read
from monitor.gpu.rows import CardRow
from monitor.store.samples import append
from tests.fixtures.fix_cast import Cast
from tests.fixtures.fix_world import Look

CARD = CardRow(
    "h1", "0", "GPU-0", "H100", simulated=False, at=None,
    figures={"temperature_celsius": 60.0, "memory_used_bytes": 40e9, "memory_total_bytes": 80e9},
    throttle={"idle": False},
)  # fmt: skip
CARD_LABELS = {"host": "h9", "gpu": "0", "uuid": "GPU-9", "name": "H100"}


def put(cast: Cast, name: str, value: float, at: dt.datetime, **labels: str) -> None:
    pairs = {"__name__": name, **CARD_LABELS, **labels}
    append.samples(cast.project.id, [(Labels(pairs), to_ms(at), value)], now=at)


def test_every_card_has_its_place(look: Look, world: object) -> None:
    found = look("gpu").context["hosts"]
    assert [[card.uuid for card, *_ in cards] for _host, _tone, _word, cards in found] == [["GPU-0", "GPU-1"]]


def test_a_figure_that_no_card_tells_is_unknown(look: Look, world: object) -> None:
    assert "throttling: unknown" in look("gpu").content.decode()


def test_without_cards_the_page_says_how_to_poll(look: Look) -> None:
    assert "gpu-agent" in look("gpu").content.decode()


@pytest.mark.parametrize("figures, change, state", [
    ({}, {}, "good"), ({"temperature_celsius": 90.0}, {}, "bad"), ({"memory_used_bytes": 79e9}, {}, "warn"),
    ({}, {"throttle": {"hw_thermal": True}}, "warn"), ({}, {"throttle": {"idle": True}}, "good"),
    ({}, {"ecc_errors": {"uncorrected": 1.0}}, "bad"), ({"remapped_rows_failed": 1.0}, {}, "bad"),
    ({"remapped_rows_pending": 1.0}, {}, "warn"), ({}, {"links": {"0": True, "1": False}}, "warn"),
    ({}, {"links": {"0": False, "1": False}}, "good"), ({}, {"links": {"0": False}, "linked": True}, "warn"),
    ({}, {"recent_xids": frozenset({31})}, "good"), ({}, {"recent_xids": frozenset({94})}, "warn"),
    ({}, {"recent_xids": frozenset({31, 79})}, "bad"), ({}, {"throttle": {}}, "unknown"),
    ({"temperature_celsius": float("nan")}, {}, "unknown"), ({"memory_used_bytes": float("nan")}, {}, "unknown"),
    ({"memory_temperature_celsius": 110.0}, {}, "bad"), ({"retired_pages_pending": 1.0}, {}, "warn"),
    ({"temperature_celsius": 84.0, "temperature_limit_celsius": 87.0}, {}, "bad"),
    ({}, {"up": False}, "bad"), ({}, {"up": None}, "unknown"), ({}, {"figures": {}}, "unknown"),
])  # fmt: skip
def test_a_card_is_judged_by_its_worst_figure(
    figures: dict[str, float], change: dict[str, object], state: str
) -> None:
    fields: dict[str, object] = {"figures": {**CARD.figures, **figures}, **change}
    changed = dataclasses.replace(CARD, **fields)  # type: ignore[arg-type] # fields by name
    assert gpus.verdict(changed)[0] == state


def test_a_lost_card_shows_no_figure(look: Look, cast: Cast, now: dt.datetime) -> None:
    put(cast, "gpu_up", 0, now)
    page = look("gpu")
    ((_host, _tone, _word, [(card, state, reason, gauges, _notes)]),) = page.context["hosts"]
    assert (card.up, state, [one.value for one in gauges]) == (False, "bad", [None] * 4)
    assert "lost" in reason


def test_a_card_that_fell_silent_is_unknown(cast: Cast, now: dt.datetime) -> None:
    put(cast, "gpu_temperature_celsius", 60, now - dt.timedelta(minutes=30))
    (host,) = read.hosts(cast.project.id, now)
    assert (host.cards[0].up, host.cards[0].at, gpus.verdict(host.cards[0])[0]) == (None, None, "unknown")


def test_memory_in_parts_gives_the_whole() -> None:
    parts = {"memory_used_bytes": 60.0, "memory_free_bytes": 30.0, "memory_reserved_bytes": 10.0}
    assert dataclasses.replace(CARD, figures=parts).memory_ratio == 0.6


def test_events_of_the_span_are_listed_with_their_meaning(look: Look, cast: Cast, now: dt.datetime) -> None:
    for minutes, code in ((30, 63), (10, 79)):
        at = now - dt.timedelta(minutes=minutes)
        put(cast, "gpu_xid_last_code", code, at)
        put(cast, "gpu_xid_last_timestamp_seconds", at.timestamp(), at)
    put(cast, "gpu_up", 1, now)
    events = look("gpu").context["events"]
    assert [(one.code, one.at) for one, _ in events] == [
        (79, now - dt.timedelta(minutes=10)), (63, now - dt.timedelta(minutes=30)),
    ]  # fmt: skip
    assert "bus" in str(events[0][1])


def test_events_without_a_moment_are_listed_when_first_seen(cast: Cast, now: dt.datetime) -> None:
    for minutes in range(90, -1, -5):
        at = now - dt.timedelta(minutes=minutes)
        put(cast, "gpu_temperature_celsius", 60, at)
        put(cast, "gpu_xid_last_code", 31 if minutes > 40 else 79, at)
    (event,) = read.xids(cast.project.id, now - dt.timedelta(hours=1), now)
    assert (event.code, event.at) == (79, now - dt.timedelta(minutes=40))
    ((card,),) = (host.cards for host in read.hosts(cast.project.id, now))
    assert card.recent_xids == {79}


def test_an_event_that_a_later_one_hides_is_listed_too(cast: Cast, now: dt.datetime) -> None:
    at = now - dt.timedelta(minutes=10)
    put(cast, "gpu_xid_errors_total", 0, now - dt.timedelta(hours=1))
    for name, value, labels in (
        ("gpu_xid_last_code", 45, {}), ("gpu_xid_last_timestamp_seconds", at.timestamp(), {}),
        ("gpu_xid_code_errors_total", 1, {"xid": "79"}), ("gpu_xid_code_errors_total", 1, {"xid": "45"}),
    ):  # fmt: skip
        put(cast, name, value, now, **labels)
    put(cast, "gpu_xid_last_code", 45, now, source="dcgm")
    assert sorted(one.code for one in read.xids(cast.project.id, now - dt.timedelta(days=7), now)) == [45, 79]


def test_a_card_whose_links_fell_remembers_them(cast: Cast, now: dt.datetime) -> None:
    for minutes, up in ((60, 1.0), (0, 0.0)):
        put(cast, "gpu_nvlink_up", up, now - dt.timedelta(minutes=minutes), link="0")
    put(cast, "gpu_up", 1, now)
    (host,) = read.hosts(cast.project.id, now)
    assert host.cards[0].links_down == ["0"]


def test_a_driver_that_does_not_answer_is_said(look: Look, cast: Cast, now: dt.datetime) -> None:
    at = [(Labels({"__name__": "gpu_driver_state", "host": "h9", "state": "failing"}), to_ms(now), 1.0)]
    append.samples(cast.project.id, at, now=now)
    assert "the driver does not answer" in look("gpu").content.decode()


def test_throttled_stretches_end_where_they_ended() -> None:
    assert gpus.stretches([10, 20, 30, 40, 50], [True, True, False, True, False], 10) == [(0, 20), (30, 40)]


def test_the_timeline_names_reason_and_card(look: Look, cast: Cast, now: dt.datetime) -> None:
    put(cast, "gpu_throttle", 1, now - dt.timedelta(minutes=5), reason="hw_thermal")
    put(cast, "gpu_up", 1, now)
    chart = look("gpu").context["timeline"]
    first = json.loads(chart.json)["data"][0]
    assert (first["name"], set(first["y"])) == ("heat (hardware)", {"h9 / 0"})


def test_a_card_that_tells_only_of_its_instances_is_seen(cast: Cast, now: dt.datetime) -> None:
    put(cast, "gpu_mig_memory_used_bytes", 5e9, now, gpu_instance="7", profile="1g.10gb", source="dcgm")
    ((card,),) = [host.cards for host in read.hosts(cast.project.id, now)]
    assert [one.gpu_instance for one in card.partitions] == ["7"]


def test_of_two_sources_our_own_reader_is_shown(cast: Cast, now: dt.datetime) -> None:
    put(cast, "gpu_temperature_celsius", 60, now)
    put(cast, "gpu_temperature_celsius", 99, now, source="dcgm")
    put(cast, "gpu_power_watts", 300, now, source="dcgm")
    ((card,),) = [host.cards for host in read.hosts(cast.project.id, now)]
    assert (card.figures["temperature_celsius"], card.figures["power_watts"]) == (60, 300)


def test_a_source_without_numbers_and_names_takes_them_from_no_card(cast: Cast, now: dt.datetime) -> None:
    put(cast, "gpu_utilization_ratio", 0.5, now - dt.timedelta(seconds=30))
    bare = {"__name__": "gpu_utilization_ratio", "host": "h9", "uuid": "GPU-9", "source": "triton"}
    append.samples(cast.project.id, [(Labels(bare), to_ms(now), 0.5)], now=now)
    ((card,),) = [host.cards for host in read.hosts(cast.project.id, now)]
    assert (card.gpu, card.name, card.at) == ("0", "H100", now)


def test_a_process_is_named_by_a_series_beside_its_figures(cast: Cast, now: dt.datetime) -> None:
    put(cast, "gpu_temperature_celsius", 60, now, source="nvitop")
    put(cast, "gpu_process_memory_bytes", 7e9, now, source="nvitop", pid="7")
    put(cast, "gpu_process_info", 1, now, source="nvitop", pid="7", command="vllm serve")
    ((card,),) = [host.cards for host in read.hosts(cast.project.id, now)]
    assert [(one.pid, one.command, one.memory_bytes) for one in card.processes] == [("7", "vllm serve", 7e9)]

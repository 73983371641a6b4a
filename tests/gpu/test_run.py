import datetime as dt
import logging
from collections.abc import Callable

import pynvml
import pytest

from monitor.gpu import read, run
from monitor.gpu.cards import Card
from monitor.gpu.fake import SimulatedCard, simulated_host
from monitor.gpu.models import GpuPoller
from monitor.gpu.nvml import read as read_cards
from monitor.store.models import Project
from tests.fixtures.fix_cast import Cast
from tests.fixtures.fix_gpu import RecordedLibrary

pytestmark = pytest.mark.django_db
Recorded = Callable[..., RecordedLibrary]
SECONDS = dt.timedelta(seconds=1)


def test_a_poll_becomes_the_cards_of_the_page(cast: Cast, now: dt.datetime, recorded: Recorded) -> None:
    run.run(now=now, read=lambda: read_cards(recorded()), host="gpu-1")
    (card,) = read.cards(cast.project.id, now)
    assert (card.host, card.gpu, card.name, card.simulated) == ("gpu-1", "0", "NVIDIA H200", False)
    assert card.memory_ratio == pytest.approx(0.8547, abs=1e-3)
    assert card.throttled == ["power_cap"]
    assert [process.command for process in card.processes] == ["vllm"]


def test_what_a_card_does_not_report_is_none(cast: Cast, now: dt.datetime, recorded: Recorded) -> None:
    run.run(now=now, read=lambda: read_cards(recorded("laptop")), host="laptop")
    (card,) = read.cards(cast.project.id, now)
    assert (card.utilization_ratio, card.power_watts, card.temperature_celsius) == (None, None, 44)


def test_a_process_that_ended_is_no_longer_listed(cast: Cast, now: dt.datetime) -> None:
    from dataclasses import replace

    before = SimulatedCard(0).read(now)
    assert before.processes is not None
    run.run(now=now, read=lambda: [before], host="h")
    after = replace(before, processes=before.processes[:1])
    run.run(now=now + 15 * SECONDS, read=lambda: [after], host="h")
    (card,) = read.cards(cast.project.id, now + 20 * SECONDS)
    assert [process.command for process in card.processes] == ["vllm-engine"]


def test_without_a_driver_it_says_so_once(
    cast: Cast, now: dt.datetime, recorded: Recorded, caplog: pytest.LogCaptureFixture
) -> None:
    library = recorded(start=pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)
    logging.getLogger("vigil").propagate = True
    with caplog.at_level(logging.INFO, "vigil.gpu"):
        for poll in range(3):
            run.run(now=now + poll * 15 * SECONDS, read=lambda: read_cards(library), host="web-1")
    assert len(caplog.records) == 1
    (poller,) = read.pollers(cast.project.id)
    assert (poller.state, poller.no_driver, poller.last_ok) == ("no driver", True, None)
    assert "gpu_agent" in poller.last_error
    assert read.cards(cast.project.id, now) == []


def test_a_lost_card_is_failing_and_the_others_go_on(
    cast: Cast, now: dt.datetime, recorded: Recorded
) -> None:
    run.run(now=now, read=lambda: read_cards(recorded("laptop")), host="laptop")
    (poller,) = read.pollers(cast.project.id)
    assert poller.state == "failing"
    assert "PowerUsage" in poller.last_error


def test_the_demo_project_never_gets_the_real_cards_of_the_host(cast: Cast, now: dt.datetime) -> None:
    Project.objects.exclude(pk=cast.project.pk).delete()
    Project.objects.update(demo=True)
    assert run.run(now=now, read=lambda: simulated_host(now), host="h") == 0


def test_a_disabled_poller_asks_no_driver(cast: Cast, now: dt.datetime) -> None:
    def never() -> list[Card]:
        message = "asked"
        raise AssertionError(message)

    GpuPoller.objects.create(project=cast.project, host="h", enabled=False)
    assert run.run(now=now, read=never, host="h") == 0


def test_simulated_cards_are_marked(cast: Cast, now: dt.datetime) -> None:
    run.run(now=now, read=lambda: simulated_host(now), host="demo")
    assert all(card.simulated for card in read.cards(cast.project.id, now))

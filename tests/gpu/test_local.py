import datetime as dt
import logging
from pathlib import Path

import pytest
from django.db import OperationalError

from monitor.gpu import local, read
from monitor.gpu.agent.push import NotTakenError
from monitor.gpu.agent.spool import Parcel, Spool
from monitor.gpu.models import GpuPoller
from monitor.gpu.reading import Reading
from monitor.store.models import Project
from monitor.store.samples import append
from tests.fixtures.fix_cast import Cast
from tests.fixtures.fix_gpu import Start

pytestmark = pytest.mark.django_db
HOST = "gpu-1"


def parcel(gpus: Start, folder: Path, now: dt.datetime) -> Parcel:
    bench = gpus("h100", "t4")
    bench.seconds = now.timestamp()
    spool = Spool(folder / "s", 2**20)
    spool.add(bench.read().reading)
    return spool.oldest(10_000)


def test_readings_become_the_cards_of_the_page(
    cast: Cast, now: dt.datetime, gpus: Start, tmp_path: Path
) -> None:
    local.Store(HOST).deliver(parcel(gpus, tmp_path, now))
    (host,) = read.hosts(cast.project.id, now)
    assert [card.name for card in host.cards] == ["Simulated H100 80GB HBM3", "Simulated T4"]


def test_readings_stay_while_the_database_is_away(
    cast: Cast, now: dt.datetime, gpus: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> int:
        raise OperationalError

    monkeypatch.setattr(append, "samples", away)
    with pytest.raises(NotTakenError, match="database"):
        local.Store(HOST).deliver(parcel(gpus, tmp_path, now))


def test_how_reading_goes_is_noted(cast: Cast, now: dt.datetime) -> None:
    local.note(HOST, Reading(0, state="ok", cards=2), 0.1, now=now)
    assert [(row.state, row.cards, row.last_ok) for row in read.pollers(cast.project.id)] == [("ok", 2, now)]
    local.note(HOST, Reading(0, state="ok", problem="GPU 0 is lost", cards=1), 0.1, now=now)
    assert [(row.state, row.last_error) for row in read.pollers(cast.project.id)] == [
        ("failing", "GPU 0 is lost")
    ]


def test_without_a_driver_it_says_so_once(
    cast: Cast, now: dt.datetime, caplog: pytest.LogCaptureFixture
) -> None:
    logging.getLogger("vigil").propagate = True
    with caplog.at_level(logging.INFO, "vigil.gpu"):
        for n in range(3):
            local.look(now=now + n * dt.timedelta(seconds=15), host="web-1", here=False)
    assert len(caplog.records) == 1
    (poller,) = read.pollers(cast.project.id)
    assert (poller.state, poller.no_driver, poller.last_ok) == ("no driver", True, None)


def test_a_driver_that_nobody_reads_is_said(cast: Cast, now: dt.datetime) -> None:
    local.note(HOST, Reading(0, state="ok", cards=2), 0.1, now=now)
    local.look(now=now + dt.timedelta(seconds=30), host=HOST, here=True)
    assert read.pollers(cast.project.id)[0].state == "ok"
    local.look(now=now + dt.timedelta(seconds=120), host=HOST, here=True)
    assert "nothing reads it" in read.pollers(cast.project.id)[0].last_error


def test_the_demo_project_never_gets_the_real_cards_of_the_host(cast: Cast) -> None:
    Project.objects.exclude(pk=cast.project.pk).delete()
    Project.objects.update(demo=True)
    assert local.pollers(HOST) == []
    assert not local.Store(HOST).wanted()


def test_a_disabled_poller_wants_nothing(cast: Cast) -> None:
    GpuPoller.objects.create(project=cast.project, host=HOST, enabled=False)
    assert not local.Store(HOST).wanted()

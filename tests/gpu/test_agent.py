import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django.live_server_helper import LiveServer

from monitor.gpu import agent, nvml, read
from monitor.gpu.fake import simulated_host
from tests.fixtures.fix_cast import Cast
from tests.fixtures.fix_gpu import RecordedLibrary
from tests.fixtures.fix_outside import Outside

Start = Callable[[], Outside]
Recorded = Callable[..., RecordedLibrary]


def test_a_reading_is_pushed_in_the_native_form(outside: Start, now: dt.datetime) -> None:
    server = outside()
    server.answer(body={"accepted": 7})
    assert agent.push(server.url, "vgl_key", "gpu-1", simulated_host(now), now=now) == 7
    (sent,) = server.received
    assert (sent.path, sent.headers["authorization"]) == ("/api/v1/points", "Bearer vgl_key")
    first = sent.json["points"][0]
    assert first["labels"]["host"] == "gpu-1"
    assert first["at"] == now.timestamp()


@pytest.mark.parametrize(
    "status, kind", [(503, agent.NotTakenError), (429, agent.NotTakenError), (403, agent.RefusedError)]
)
def test_busy_is_worth_another_try_and_a_refusal_is_not(
    outside: Start, now: dt.datetime, status: int, kind: type[Exception]
) -> None:
    server = outside()
    server.answer(status, b"no: vgl_secret_key")
    with pytest.raises(kind) as caught:
        agent.push(server.url, "vgl_secret_key", "h", simulated_host(now), now=now)
    assert "vgl_secret_key" not in str(caught.value)


@pytest.mark.django_db(transaction=True)
def test_a_real_vigil_takes_every_point_and_shows_the_cards(
    live_server: LiveServer, cast: Cast, now: dt.datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    from monitor.core import clock

    moment = clock.now()
    cards = simulated_host(moment)
    taken = agent.push(live_server.url, cast.key, "gpu-1", cards, now=moment)
    assert taken == len(agent.body("gpu-1", cards, moment)["points"])  # type: ignore[arg-type] # a list of points
    shown = read.cards(cast.project.id, moment)
    assert [(card.host, card.gpu) for card in shown] == [("gpu-1", "0"), ("gpu-1", "1")]


def test_the_command_needs_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VIGIL_KEY", raising=False)
    with pytest.raises(CommandError, match="no key"):
        call_command("gpu_agent", url="http://127.0.0.1:9", once=True)


def test_without_a_driver_the_command_stops_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, recorded: Recorded
) -> None:
    import pynvml

    whole = nvml.read
    library = recorded(start=pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)
    monkeypatch.setattr(nvml, "read", lambda: whole(library))
    with pytest.raises(CommandError, match="no NVIDIA driver"):
        call_command("gpu_agent", url="http://127.0.0.1:9", key="k", once=True)


def test_one_reading_can_be_pushed_by_hand(
    monkeypatch: pytest.MonkeyPatch, outside: Start, recorded: Recorded, capsys: pytest.CaptureFixture[str]
) -> None:
    server = outside()
    server.answer(body={"accepted": 30})
    whole: Any = nvml.read
    monkeypatch.setattr(nvml, "read", lambda: whole(recorded()))
    call_command("gpu_agent", url=server.url, key="k", host="gpu-1", once=True)
    assert "1 cards, 30 points taken" in capsys.readouterr().out

import os
import sys
from pathlib import Path

import pytest

from monitor.gpu.agent.loop import RESTARTED, Agent, Settings
from monitor.gpu.agent.spool import Parcel
from tests.fixtures.fix_gpu import Start


class RestartedError(Exception):
    pass


def taken(_parcel: Parcel) -> None:
    pass


def test_an_old_library_that_stays_makes_the_agent_a_new_process(
    gpus: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpus("h100")
    started: list[list[str]] = []

    def execv(program: str, arguments: list[str]) -> None:
        started.append([program, *arguments])
        raise RestartedError

    monkeypatch.setattr(os, "execv", execv)
    monkeypatch.setenv(RESTARTED, "")
    agent = Agent(Settings("h", tmp_path / "s"), taken)
    agent.sender.start()
    with pytest.raises(RestartedError):
        agent._start_anew()
    assert started[0][0] == sys.executable
    agent._start_anew()
    assert len(started) == 1


def test_a_reading_tells_of_the_agent_itself(gpus: Start, tmp_path: Path) -> None:
    gpus("t4")
    agent = Agent(Settings("h", tmp_path / "s"), taken)
    agent.sender.start()
    names = {dict(series)["__name__"] for series, _ in agent.take().samples}
    agent.close()
    assert {
        "gpu_agent_buffered_bytes",
        "gpu_agent_cpu_seconds_total",
        "gpu_agent_dropped_samples_total",
    } <= names


def test_what_is_there_is_sent_before_the_end(gpus: Start, tmp_path: Path) -> None:
    gpus("t4")
    sent: list[Parcel] = []
    agent = Agent(Settings("h", tmp_path / "s", push_every=60), sent.append)
    agent.take()
    agent.sender.start()
    agent.close()
    assert sum(parcel.samples for parcel in sent) > 0

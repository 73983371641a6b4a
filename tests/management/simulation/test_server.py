from collections.abc import Iterator

import httpx2
import pytest

from monitor.management.simulation.server import INBOX_LENGTH, Stage


@pytest.fixture
def stage() -> Iterator[Stage]:
    served = Stage(lambda: "up 1\n")
    served.start()
    yield served
    served.stop()


def test_the_metrics_page_is_made_when_asked(stage: Stage) -> None:
    assert httpx2.get(f"{stage.url}/metrics").text == "up 1\n"


def test_the_inbox_shows_what_it_was_sent(stage: Stage) -> None:
    httpx2.post(f"{stage.url}/inbox", json={"status": "firing"})
    assert httpx2.get(f"{stage.url}/inbox").json() == [{"status": "firing"}]


def test_the_inbox_keeps_the_last_ones_only(stage: Stage) -> None:
    for number in range(INBOX_LENGTH + 3):
        stage.post("/inbox", str(number).encode())
    assert list(stage.inbox) == list(range(3, INBOX_LENGTH + 3))


@pytest.mark.parametrize("path", ["/", "/v1/models", "/inbox/1"])
def test_other_paths_say_what_there_is(stage: Stage, path: str) -> None:
    status, _, body = stage.get(path)
    assert status == 404
    assert b"/metrics" in body


def test_it_listens_on_loopback_only(stage: Stage) -> None:
    assert stage.server_address[0] == "127.0.0.1"

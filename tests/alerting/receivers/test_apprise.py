from collections.abc import Callable

import pytest

from monitor.alerting.receivers.apprise import Apprise
from monitor.alerting.receivers.base import LaterError, RefusedError
from monitor.outside.http import Caller
from tests.fixtures.fix_outside import Outside
from tests.kits import receiver as kit


@pytest.mark.parametrize("settings, path", [
    ({"key": "my team"}, "/notify/my%20team"), ({"urls": "discord://id/token"}, "/notify"),
])  # fmt: skip
def test_it_asks_the_server_to_notify(
    settings: dict[str, str], path: str, outside: Callable[[], Outside]
) -> None:
    server = outside()
    Apprise({"url": server.url + "/", **settings}).send(kit.FIRING, Caller())
    (request,) = server.received
    assert (request.path, request.json["type"], request.json["format"]) == (path, "failure", "markdown")
    assert request.json.get("urls") == settings.get("urls")


def test_a_service_behind_it_that_is_away_is_tried_again(outside: Callable[[], Outside]) -> None:
    server = outside()
    server.answer(424, b"discord failed")
    with pytest.raises(LaterError):
        Apprise({"url": server.url, "key": "k"}).send(kit.FIRING, Caller())


def test_without_anywhere_to_send_it_is_refused() -> None:
    with pytest.raises(RefusedError, match="neither"):
        Apprise({"url": "http://x.example"}).send(kit.FIRING, Caller())

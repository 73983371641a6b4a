from collections.abc import Callable

import pytest

from monitor.alerting.receivers.base import LaterError, RefusedError
from monitor.alerting.receivers.wecom_app import WeComApp
from monitor.outside.http import Caller
from tests.fixtures.fix_outside import Answer, Outside, Received
from tests.kits import receiver as kit


def company(request: Received) -> Answer:
    """Gives a token for the right secret and takes messages that bring it."""
    if request.path.endswith("/gettoken"):
        good = request.query["corpsecret"] == [kit.SECRET]
        return Answer(
            200,
            b'{"errcode":0,"access_token":"T","expires_in":7200}'
            if good
            else b'{"errcode":40001,"errmsg":"invalid credential"}',
        )
    good = request.query["access_token"] == ["T"]
    return Answer(
        200, b'{"errcode":0,"errmsg":"ok"}' if good else b'{"errcode":40014,"errmsg":"invalid access_token"}'
    )


def app(server: Outside, **more: object) -> WeComApp:
    return WeComApp(
        {"corp_id": "ww1", "secret": kit.SECRET, "agent_id": 7, "url": server.url + "/cgi-bin", **more}
    )


@pytest.fixture
def server(outside: Callable[[], Outside]) -> Outside:
    server = outside()
    server.respond = company
    return server


def test_a_token_is_asked_for_once_and_used_again(server: Outside) -> None:
    for _ in range(2):
        app(server).send(kit.FIRING, Caller())
    assert [one.path.rpartition("/")[2] for one in server.received] == ["gettoken", "send", "send"]


def test_a_token_that_is_no_longer_good_is_asked_for_anew(server: Outside) -> None:
    app(server).send(kit.FIRING, Caller())
    server.answer(200, {"errcode": 42001, "errmsg": "access_token expired"})
    server.respond = None
    with pytest.raises(LaterError):
        app(server).send(kit.FIRING, Caller())
    server.respond = company
    app(server).send(kit.FIRING, Caller())
    assert [one.path.rpartition("/")[2] for one in server.received][-2:] == ["gettoken", "send"]


def test_a_wrong_secret_is_refused(server: Outside) -> None:
    with pytest.raises(RefusedError, match="invalid credential"):
        app(server, secret="other").send(kit.FIRING, Caller())


@pytest.mark.parametrize("to, expected", [
    ({}, ("@all", "", "")), ({"to_users": ["a", "b"], "to_tags": ["3"]}, ("a|b", "", "3")),
])  # fmt: skip
def test_it_goes_to_whom_the_contact_names(to: dict[str, list[str]], expected: tuple[str, ...]) -> None:
    body = WeComApp({"corp_id": "w", "secret": "s", "agent_id": 7, **to}).body(kit.FIRING)
    assert tuple(body[name] for name in ("touser", "toparty", "totag")) == expected
    assert (body["agentid"], body["msgtype"]) == (7, "markdown")

import base64
import hashlib
import hmac
from collections.abc import Callable
from urllib.parse import unquote

import pytest

from monitor.alerting.receivers.base import LaterError, RefusedError
from monitor.alerting.receivers.dingtalk import DingTalk, sign
from monitor.core import clock
from monitor.outside.http import Caller
from tests.fixtures.fix_outside import Answer, Outside, Received
from tests.kits import receiver as kit


def robot(request: Received) -> Answer:
    """Checks a signature as the robot does: decode the query once, compare the HMAC."""
    timestamp, given = request.query["timestamp"][0], request.query["sign"][0]
    digest = hmac.new(kit.SECRET.encode(), f"{timestamp}\n{kit.SECRET}".encode(), hashlib.sha256).digest()
    good = base64.b64decode(given) == digest and request.query["access_token"] == ["abc"]
    return Answer(
        200, b'{"errcode":0,"errmsg":"ok"}' if good else b'{"errcode":310000,"errmsg":"sign not match"}'
    )


def test_the_robot_accepts_the_signature(outside: Callable[[], Outside]) -> None:
    server = outside()
    server.respond = robot
    DingTalk({"url": server.url + "/robot/send?access_token=abc", "secret": kit.SECRET}).send(
        kit.FIRING, Caller()
    )
    assert server.received[0].query["timestamp"] == [str(clock.to_ms(kit.NOON))]


def test_a_wrong_secret_is_refused_by_the_robot(outside: Callable[[], Outside]) -> None:
    server = outside()
    server.respond = robot
    wrong = DingTalk({"url": server.url + "/?access_token=abc", "secret": "SECwrong"})
    with pytest.raises(RefusedError, match="errcode 310000: sign not match"):
        wrong.send(kit.FIRING, Caller())


def test_the_signature_is_percent_encoded_exactly_once() -> None:
    url = DingTalk({"url": "https://host/?access_token=abc", "secret": kit.SECRET}).url(kit.FIRING)
    raw = url.partition("sign=")[2]
    assert unquote(raw) == sign(str(clock.to_ms(kit.NOON)), kit.SECRET)
    assert "%25" not in raw


def test_two_hundred_with_a_code_is_a_refusal(outside: Callable[[], Outside]) -> None:
    server = outside()
    server.answer(200, {"errcode": 300005, "errmsg": "token is not exist"})
    with pytest.raises(RefusedError, match="token is not exist"):
        DingTalk({"url": server.url}).send(kit.FIRING, Caller())


def test_too_many_messages_are_tried_again_later(outside: Callable[[], Outside]) -> None:
    server = outside()
    server.answer(200, {"errcode": 130101, "errmsg": "send too fast"})
    with pytest.raises(LaterError):
        DingTalk({"url": server.url}).send(kit.FIRING, Caller())


def test_the_message_is_markdown_that_people_can_read() -> None:
    body = DingTalk({"at_mobiles": ["13800000000"]}).body(kit.FIRING)
    assert body["msgtype"] == "markdown"
    assert body["markdown"]["title"] == "[告警 FIRING:1] HighLatency · shop"
    for part in ("模型变慢 model is slow", "p99 is 0.7 s", "version=v2", "当前值 Value: 0.7", "@13800000000"):
        assert part in body["markdown"]["text"]


def test_without_a_secret_nothing_is_signed() -> None:
    assert DingTalk({"url": "https://host/x"}).url(kit.FIRING) == "https://host/x"

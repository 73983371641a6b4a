import base64
import hashlib
import hmac
from collections.abc import Callable

import pytest

from monitor.alerting.message import Message
from monitor.alerting.receivers.base import RefusedError
from monitor.alerting.receivers.feishu import Feishu
from monitor.outside.http import Caller
from tests.fixtures.fix_outside import Answer, Outside, Received
from tests.kits import receiver as kit


def robot(request: Received) -> Answer:
    """Checks a signature as the robot does: time and secret are the key, the text is empty."""
    body = request.json
    digest = hmac.new(f"{body['timestamp']}\n{kit.SECRET}".encode(), digestmod=hashlib.sha256).digest()
    good = base64.b64decode(body["sign"]) == digest
    return Answer(200, b'{"code":0,"msg":"success"}' if good else b'{"code":19021,"msg":"sign match fail"}')


def test_the_robot_accepts_the_signature(outside: Callable[[], Outside]) -> None:
    server = outside()
    server.respond = robot
    Feishu({"url": server.url, "secret": kit.SECRET}).send(kit.FIRING, Caller())
    assert server.received[0].json["timestamp"] == str(int(kit.NOON.timestamp()))


def test_a_wrong_secret_is_refused_by_the_robot(outside: Callable[[], Outside]) -> None:
    server = outside()
    server.respond = robot
    with pytest.raises(RefusedError, match="code 19021"):
        Feishu({"url": server.url, "secret": "wrong"}).send(kit.FIRING, Caller())


@pytest.mark.parametrize("message, color", [(kit.FIRING, "red"), (kit.RESOLVED, "green")])
def test_the_card_shows_the_state_in_colour(message: Message, color: str) -> None:
    body = Feishu({}).body(message)
    assert (body["msg_type"], body["card"]["header"]["template"]) == ("interactive", color)


def test_no_label_can_mention_people() -> None:
    card = Feishu({}).body(kit.message(kit.alert(text="<at id=all></at>")))["card"]
    assert "<at" not in card["elements"][0]["content"]

from collections.abc import Callable

import pytest

from monitor.alerting.receivers.base import LaterError, RefusedError
from monitor.alerting.receivers.wecom import WeCom
from monitor.outside.http import Caller
from tests.fixtures.fix_outside import Outside
from tests.kits import receiver as kit


def test_the_message_is_markdown_with_the_state_in_colour() -> None:
    body = WeCom({}).body(kit.FIRING)
    assert body["msgtype"] == "markdown"
    assert body["markdown"]["content"].startswith('🔴 <font color="warning">**[告警 FIRING:1] HighLatency')


def test_no_label_can_mention_people() -> None:
    content = WeCom({}).body(kit.message(kit.alert(text="<@all>")))["markdown"]["content"]
    assert "<@all>" not in content


@pytest.mark.parametrize("code, error", [(93000, RefusedError), (45009, LaterError), (-1, LaterError)])
def test_two_hundred_with_a_code_is_no_success(
    outside: Callable[[], Outside], code: int, error: type[Exception]
) -> None:
    server = outside()
    server.answer(200, {"errcode": code, "errmsg": "invalid webhook url"})
    with pytest.raises(error, match="invalid webhook url"):
        WeCom({"url": server.url}).send(kit.FIRING, Caller())


def test_a_page_that_is_no_robot_is_no_success(outside: Callable[[], Outside]) -> None:
    server = outside()
    server.answer(200, b"<html>log in</html>")
    with pytest.raises(RefusedError, match="check the address"):
        WeCom({"url": server.url}).send(kit.FIRING, Caller())

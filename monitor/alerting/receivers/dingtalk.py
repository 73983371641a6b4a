"""DingTalk (钉钉) group robot: a signed Markdown message."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.utils.translation import gettext_noop as _

from monitor.alerting.message import Message
from monitor.alerting.receivers import base
from monitor.alerting.rendering import MARKDOWN, markup
from monitor.core import clock
from monitor.core.fields import Field

TOO_FAST = (130101, 410100)
BUSY = -1


class DingTalk:
    """DingTalk 钉钉 group robot 群机器人: Markdown, signed with the robot's secret."""

    fields = (
        base.robot_address(help="The robot's address, with its access_token."),
        Field("secret", _("Secret 加签"), secret=True, help=_("SEC…; empty if the robot uses keywords or addresses.")),
        Field("at_mobiles", _("Mention 手机号"), kind="list", default=(), help=_("Phone numbers to mention, by commas.")),
        Field("at_all", _("Mention everyone"), kind="flag", default=False),
    )  # fmt: skip
    limit_bytes = 19_000

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = settings

    def send(self, message: Message, calls: base.Calls) -> None:
        url = self.url(message)
        answer = calls.hiding(url).post(url, self.body(message))
        base.judge_code(answer, "errcode", "errmsg", later=(BUSY, *TOO_FAST))

    def url(self, message: Message) -> str:
        url, secret = str(self.settings["url"]), self.settings.get("secret")
        if not secret:
            return url
        timestamp = str(clock.to_ms(message.at))
        query = urlencode({"timestamp": timestamp, "sign": sign(timestamp, secret)})
        return f"{url}{'&' if '?' in url else '?'}{query}"

    def body(self, message: Message) -> dict[str, Any]:
        mobiles = list(self.settings.get("at_mobiles") or ())
        mention = " ".join(f"@{mobile}" for mobile in mobiles)
        head = f"### {message.icon} {message.title}\n\n"
        tail = f"\n\n{mention}" if mention else ""
        room = self.limit_bytes - len((head + tail).encode())
        return {
            "msgtype": "markdown",
            "markdown": {
                "title": message.title,
                "text": head + markup(message, MARKDOWN, limit=room) + tail,
            },
            "at": {"atMobiles": mobiles, "isAtAll": bool(self.settings.get("at_all"))},
        }


def sign(timestamp: str, secret: str) -> str:
    """Base64 of the HMAC; it is percent-encoded once, by whoever puts it into the query."""
    digest = hmac.new(secret.encode(), f"{timestamp}\n{secret}".encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()

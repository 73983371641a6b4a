"""Feishu / Lark (飞书) group robot: a card, signed if the robot has a secret."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_noop as _

from monitor.alerting.message import Message
from monitor.alerting.receivers import base
from monitor.alerting.rendering import Style, markup
from monitor.core import clock
from monitor.core.fields import Field

TOO_FAST = (9499, 11232)
COLORS = {"critical": "red", "error": "red", "warning": "orange", "info": "blue"}


class Feishu:
    """Feishu / Lark 飞书 group robot 群机器人: a card, signed with the robot's secret."""

    fields = (
        base.robot_address(),
        Field(
            "secret",
            _("Secret 签名校验"),
            secret=True,
            help=_("Empty if the robot does not check signatures."),
        ),
    )
    limit_bytes = 18_000

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = settings

    def send(self, message: Message, calls: base.Calls) -> None:
        base.judge_code(calls.post(self.settings["url"], self.body(message)), "code", "msg", later=TOO_FAST)

    def body(self, message: Message) -> dict[str, Any]:
        color = "green" if message.status == "resolved" else COLORS.get(message.severity, "grey")
        text = markup(message, STYLE, limit=self.limit_bytes)
        card = {
            "header": {
                "title": {"tag": "plain_text", "content": f"{message.icon} {message.title}"},
                "template": color,
            },
            "elements": [{"tag": "markdown", "content": text}],
        }
        return {"msg_type": "interactive", "card": card, **self._signature(message)}

    def _signature(self, message: Message) -> dict[str, str]:
        secret = self.settings.get("secret")
        if not secret:
            return {}
        timestamp = str(clock.to_ms(message.at) // 1000)
        return {"timestamp": timestamp, "sign": sign(timestamp, secret)}


def sign(timestamp: str, secret: str) -> str:
    """Base64 of the HMAC whose key is time and secret; it travels in the body, so nothing is encoded."""
    digest = hmac.new(f"{timestamp}\n{secret}".encode(), b"", hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def _escape(text: str) -> str:
    """Cards read ``<at id=all>`` and the like."""
    return text.replace("<", "&#60;").replace(">", "&#62;")


STYLE = Style(escape=_escape, line="\n")

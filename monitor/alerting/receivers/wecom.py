"""WeCom (企业微信) group robot: a Markdown message of at most 4,096 bytes."""

from collections.abc import Mapping
from typing import Any

from monitor.alerting.message import Message
from monitor.alerting.receivers import base
from monitor.alerting.rendering import Style, markup

TOO_FAST, BUSY = 45009, -1


class WeCom:
    """WeCom 企业微信 group robot 群机器人: Markdown of at most 4,096 bytes."""

    fields = (base.robot_address(),)
    limit_bytes = 4_096

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = settings

    def send(self, message: Message, calls: base.Calls) -> None:
        answer = calls.post(self.settings["url"], self.body(message))
        base.judge_code(answer, "errcode", "errmsg", later=(TOO_FAST, BUSY))

    def body(self, message: Message) -> dict[str, Any]:
        color = "info" if message.status == "resolved" else "warning"
        head = f'{message.icon} <font color="{color}">**{_escape(message.title)}**</font>\n'
        room = self.limit_bytes - len(head.encode())
        text = head + markup(message, STYLE, limit=room)
        return {"msgtype": "markdown", "markdown": {"content": text}}


def _escape(text: str) -> str:
    """Angle brackets mention people."""
    return text.replace("<", "＜").replace(">", "＞")


STYLE = Style(escape=_escape, line="\n")

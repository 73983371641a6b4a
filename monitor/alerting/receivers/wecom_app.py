"""WeCom (企业微信) application: a Markdown message to people, departments or tags of the company."""

import hashlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.utils.translation import gettext_noop as _

from monitor.alerting.message import Message
from monitor.alerting.receivers import base
from monitor.alerting.rendering import Style, markup
from monitor.core import clock
from monitor.core.fields import Field

API = "https://qyapi.weixin.qq.com/cgi-bin/"
TOO_FAST, BUSY = 45009, -1
BAD_TOKEN = (40001, 40014, 42001)
# tokens hold for two hours, and asking for one each time is refused soon
HOLD_SECONDS = 3600
_tokens: dict[str, tuple[float, str]] = {}


class WeComApp:
    """WeCom 企业微信 application 应用: Markdown to users, departments or tags."""

    fields = (
        Field("corp_id", _("Corp ID 企业ID"), required=True, help=_("Under My company.")),
        Field("secret", _("Secret 应用密钥"), required=True, secret=True, help=_("The application's own secret.")),
        Field("agent_id", _("Agent ID"), kind="integer", required=True, help=_("The application's number.")),
        Field("to_users", _("Users 成员"), kind="list", default=(), help=_("By commas; @all for everybody. Empty: everybody.")),
        Field("to_parties", _("Departments 部门"), kind="list", default=(), help=_("Their numbers, by commas.")),
        Field("to_tags", _("Tags 标签"), kind="list", default=(), help=_("Their numbers, by commas.")),
        Field("url", _("API address"), kind="url", secret=True, help=f"Empty: {API}"),
    )  # fmt: skip
    limit_bytes = 2_048

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = settings

    def send(self, message: Message, calls: base.Calls) -> None:
        now = clock.to_ms(message.at) / 1000
        token = self._token(calls, now)
        answer = calls.hiding(token).post(
            f"{self._api}message/send?{urlencode({'access_token': token})}", self.body(message)
        )
        said = answer.json()
        if isinstance(said, dict) and said.get("errcode") in BAD_TOKEN:
            _tokens.pop(self._key, None)
            error = "the token was no longer good"
            raise base.LaterError(error)
        base.judge_code(answer, "errcode", "errmsg", later=(TOO_FAST, BUSY))

    def body(self, message: Message) -> dict[str, Any]:
        color = "info" if message.status == "resolved" else "warning"
        head = f'{message.icon} <font color="{color}">{_escape(message.title)}</font>\n'
        text = head + markup(message, STYLE, limit=self.limit_bytes - len(head.encode()))
        to = {"touser": "to_users", "toparty": "to_parties", "totag": "to_tags"}
        chosen = {theirs: "|".join(self.settings.get(ours) or ()) for theirs, ours in to.items()}
        if not any(chosen.values()):
            chosen["touser"] = "@all"
        return {
            **chosen,
            "msgtype": "markdown",
            "agentid": self.settings["agent_id"],
            "markdown": {"content": text},
        }

    @property
    def _api(self) -> str:
        return str(self.settings.get("url") or API).partition("?")[0].rstrip("/") + "/"

    @property
    def _key(self) -> str:
        return hashlib.sha256(
            f"{self._api} {self.settings['corp_id']} {self.settings['secret']}".encode()
        ).hexdigest()

    def _token(self, calls: base.Calls, now: float) -> str:
        held = _tokens.get(self._key)
        if held is not None and held[0] <= now < held[0] + HOLD_SECONDS:
            return held[1]
        asked = urlencode({"corpid": self.settings["corp_id"], "corpsecret": self.settings["secret"]})
        answer = calls.request("GET", f"{self._api}gettoken?{asked}")
        base.judge_code(answer, "errcode", "errmsg", later=(TOO_FAST, BUSY))
        token = str(answer.json().get("access_token", ""))
        _tokens[self._key] = (now, token)
        return token


def _escape(text: str) -> str:
    """Angle brackets colour and mention."""
    return text.replace("<", "＜").replace(">", "＞")


STYLE = Style(escape=_escape, line="\n")

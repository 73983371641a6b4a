"""Telegram, by a bot: an HTML message of at most 4,096 characters."""

import html
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_noop as _

from monitor.alerting.message import Message
from monitor.alerting.receivers import base
from monitor.alerting.rendering import Style, in_utf16, markup
from monitor.core.fields import Field

API = "https://api.telegram.org"


class Telegram:
    """Telegram: a message of a bot to a person, a group or a channel."""

    fields = (
        Field("token", _("Bot token"), required=True, secret=True, help=_("From @BotFather, like 123:ABC…")),
        Field("chat", _("Chat"), required=True, help=_("The chat's number, or @name of a channel.")),
        Field("thread", _("Topic"), kind="integer", help=_("The topic's number in a group with topics.")),
        Field("url", _("API address"), kind="url", secret=True, help=f"Empty: {API}"),
    )
    limit_bytes = 4_096

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = settings

    def send(self, message: Message, calls: base.Calls) -> None:
        api = str(self.settings.get("url") or API).partition("?")[0].rstrip("/")
        answer = calls.post(f"{api}/bot{self.settings['token']}/sendMessage", self.body(message))
        said = answer.json()
        asked = said.get("parameters", {}).get("retry_after") if isinstance(said, dict) else None
        if answer.status == 429 and isinstance(asked, int):
            error = f"HTTP 429: {answer.excerpt}"
            raise base.LaterError(error, float(asked))
        base.judge(answer)
        if not (isinstance(said, dict) and said.get("ok") is True):
            error = f"the answer is not Telegram's: {answer.excerpt or 'empty'}; check the address"
            raise base.RefusedError(error)

    def body(self, message: Message) -> dict[str, Any]:
        head = f"{message.icon} <b>{html.escape(message.title)}</b>\n"
        text = head + markup(message, STYLE, limit=self.limit_bytes - in_utf16(head))
        thread = self.settings.get("thread")
        return {
            "chat_id": self.settings["chat"],
            "text": text,
            "parse_mode": "HTML",
            "link_preview_options": {"is_disabled": True},
            **({"message_thread_id": thread} if thread else {}),
        }


def _link(text: str, url: str) -> str:
    return f'<a href="{html.escape(url)}">{text}</a>'


STYLE = Style(escape=html.escape, bold=("<b>", "</b>"), link=_link, line="\n", measure=in_utf16)

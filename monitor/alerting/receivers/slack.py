"""Slack, and the many services that take its incoming webhooks (Mattermost, Rocket.Chat, Discord's /slack)."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_noop as _

from monitor.alerting.message import Message
from monitor.alerting.receivers import base
from monitor.alerting.rendering import Style, markup
from monitor.core.fields import Field

COLORS = {"critical": "#c62828", "error": "#c62828", "warning": "#ef6c00", "info": "#1565c0"}


class Slack:
    """Slack, or a service that takes its incoming webhooks (Mattermost, Rocket.Chat)."""

    fields = (
        Field(
            "url",
            _("Webhook"),
            kind="url",
            required=True,
            secret=True,
            help=_("The incoming webhook's address."),
        ),
        Field("channel", _("Channel"), help=_("Only for services that let the sender choose.")),
    )
    limit_bytes = 3_000

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = settings

    def send(self, message: Message, calls: base.Calls) -> None:
        base.judge(calls.post(self.settings["url"], self.body(message)))

    def body(self, message: Message) -> dict[str, Any]:
        color = "#2e7d32" if message.status == "resolved" else COLORS.get(message.severity, "#757575")
        text = markup(message, STYLE, limit=self.limit_bytes)
        title = _escape(f"{message.icon} {message.title}")
        attachment = {"color": color, "title": title, "text": text, "mrkdwn_in": ["text"], "fallback": title}
        channel = self.settings.get("channel")
        return {"attachments": [attachment]} | ({"channel": channel} if channel else {})


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _link(text: str, url: str) -> str:
    return f"<{url}|{text}>"


STYLE = Style(escape=_escape, bold=("*", "*"), link=_link, line="\n")

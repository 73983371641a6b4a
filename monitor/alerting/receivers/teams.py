"""Microsoft Teams, by a workflow's webhook: an adaptive card."""

import json
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_noop as _

from monitor.alerting import wording
from monitor.alerting.message import AlertText, Message
from monitor.alerting.receivers import base
from monitor.alerting.rendering import LONGEST, SHOWN, cut
from monitor.core.fields import Field

COLORS = {"critical": "attention", "error": "attention", "warning": "warning", "info": "accent"}


class Teams:
    """Microsoft Teams: an adaptive card to a workflow ("post to a channel when a webhook request is received")."""

    fields = (
        Field("url", _("Workflow address"), kind="url", required=True, secret=True, help=_("The address that the workflow shows.")),
    )  # fmt: skip
    limit_bytes = 28_000

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = settings

    def send(self, message: Message, calls: base.Calls) -> None:
        base.judge(calls.post(self.settings["url"], self.body(message)))

    def body(self, message: Message) -> dict[str, Any]:
        """Fewer alerts until the whole card is taken."""
        for most in range(SHOWN, -1, -1):
            body = self._body(message, most)
            if len(json.dumps(body, ensure_ascii=False).encode(errors="replace")) <= self.limit_bytes:
                break
        return body

    def _body(self, message: Message, most: int) -> dict[str, Any]:
        color = "good" if message.status == "resolved" else COLORS.get(message.severity, "default")
        shown = message.alerts[:most]
        hidden = len(message.alerts) - len(shown)
        card = {
            "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
            "type": "AdaptiveCard",
            "version": "1.4",
            "msteams": {"width": "Full"},
            "body": [
                _text(f"{message.icon} {message.title}", weight="bolder", size="medium", color=color),
                {
                    "type": "FactSet",
                    "facts": [{"title": name, "value": text} for name, text in message.facts],
                },
                *(block for alert in shown for block in _blocks(alert)),
                *([_text(wording.more(message.language, hidden))] if hidden else []),
            ],
            "actions": [{"type": "Action.OpenUrl", "title": text, "url": url} for text, url in message.links],
        }
        attachment = {
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": None,
            "content": card,
        }
        return {"type": "message", "attachments": [attachment]}


def _blocks(alert: AlertText) -> list[dict[str, Any]]:
    lines = [cut(alert.description, LONGEST["description"]), cut(alert.own_labels, LONGEST["labels"])]
    facts = [{"title": name, "value": cut(text, LONGEST["finding"])} for name, text in alert.findings]
    return [
        _text(f"{alert.icon} {cut(alert.summary, LONGEST['summary'])}", weight="bolder", separator=True),
        *(_text(line, spacing="small") for line in lines if line),
        *([{"type": "FactSet", "facts": facts}] if facts else []),
    ]


def _text(text: str, **more: Any) -> dict[str, Any]:
    """Cards read Markdown; a backslash keeps what people wrote as it is."""
    for mark in "\\*_[]`#":
        text = text.replace(mark, "\\" + mark)
    return {"type": "TextBlock", "text": text, "wrap": True, **more}

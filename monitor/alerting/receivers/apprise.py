"""Everything else, through an Apprise API server: it knows more than a hundred services.

Not the library: it opens its connections itself, past the rule on private addresses.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from django.utils.translation import gettext_noop as _

from monitor.alerting.message import Message
from monitor.alerting.receivers import base
from monitor.alerting.rendering import MARKDOWN, markup
from monitor.core.fields import Field

KINDS = {"critical": "failure", "error": "failure", "page": "failure", "warning": "warning"}


class Apprise:
    """Apprise: more than a hundred other services, through an Apprise API server."""

    fields = (
        Field("url", _("Apprise API"), kind="url", required=True, secret=True, help=_("The server's address, like http://apprise:8000")),
        Field("key", _("Configuration key"), help=_("Of a configuration stored there; or give addresses below.")),
        Field("urls", _("Apprise addresses"), secret=True, help=_("Like discord://id/token, separated by commas.")),
        Field("tag", _("Tag"), help=_("Only those of the configuration with this tag.")),
    )  # fmt: skip
    limit_bytes = 32_000

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = settings

    def send(self, message: Message, calls: base.Calls) -> None:
        if not (self.settings.get("key") or self.settings.get("urls")):
            error = "neither a configuration key nor addresses are given; set one in the contact"
            raise base.RefusedError(error)
        server = str(self.settings["url"]).partition("?")[0].rstrip("/")
        key = self.settings.get("key")
        answer = calls.post(
            f"{server}/notify/{quote(key, safe='')}" if key else f"{server}/notify", self.body(message)
        )
        if answer.status == 424:
            error = f"HTTP 424: one of the services could not be reached; {answer.excerpt}"
            raise base.LaterError(error)
        base.judge(answer)

    def body(self, message: Message) -> dict[str, Any]:
        kind = "success" if message.status == "resolved" else KINDS.get(message.severity, "info")
        chosen = {name: self.settings[name] for name in ("urls", "tag") if self.settings.get(name)}
        return {
            "title": f"{message.icon} {message.title}",
            "body": markup(message, MARKDOWN, limit=self.limit_bytes),
            "type": kind,
            "format": "markdown",
            **chosen,
        }

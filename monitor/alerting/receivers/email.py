"""E-mail, by the mail server of the settings or one of the contact's own."""

import re
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_noop as _

from monitor.alerting.message import Message
from monitor.alerting.receivers import base
from monitor.alerting.rendering import PLAIN, markup, rich
from monitor.core.fields import Field
from monitor.outside import mail

ADDRESS = re.compile(r"[^@\s,<>]+@[^@\s,<>]+")


class Email:
    """E-mail 邮件: one letter, as text and as HTML, to all addresses."""

    fields = (
        Field("to", _("To"), kind="list", required=True, help=_("Addresses, separated by commas.")),
        Field("sender", _("From"), help=_("Empty: that of VIGIL_MAIL_FROM.")),
        Field("server", _("Mail server"), help=_("Like smtp.example.com:587; empty: that of VIGIL_SMTP_HOST.")),
        Field("username", _("User name"), help=_("If the mail server of this contact asks for one.")),
        Field("password", _("Password"), secret=True, help=_("If the mail server of this contact asks for one.")),
        Field(
            "encryption", _("Encryption"), kind="choice", default="starttls", choices=mail.ENCRYPTIONS,
            help=_("Of the contact's own mail server."),
        ),
    )  # fmt: skip
    limit_bytes = 200_000

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = settings

    def send(self, message: Message, calls: base.Calls) -> None:
        del calls  # a letter goes by SMTP
        to = list(self.settings["to"])
        bad = next((address for address in to if not ADDRESS.fullmatch(address)), None)
        if bad is not None or not to:
            text = f"{bad or ''!r} is no e-mail address; correct it in the contact"
            raise base.RefusedError(text)
        letter = mail.Letter(
            to, message.title, markup(message, PLAIN, limit=self.limit_bytes), rich(message),
            sender=self.settings.get("sender") or "", reference=message.id,
        )  # fmt: skip
        try:
            mail.send(letter, self._server())
        except mail.MailRefusedError as error:
            raise base.RefusedError(str(error)) from error
        except mail.MailLaterError as error:
            raise base.LaterError(str(error)) from error

    def _server(self) -> mail.Server | None:
        given = self.settings.get("server")
        if not given:
            return None
        secret = self.settings.get("password") or ""
        return mail.Server(
            given, self.settings.get("username") or "", secret, self.settings.get("encryption") or "starttls"
        )

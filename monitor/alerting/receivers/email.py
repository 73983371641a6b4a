"""E-mail, by the mail server of the settings."""

import re
from collections.abc import Mapping
from typing import Any

from monitor.alerting.message import Message, markdown, rich
from monitor.alerting.receivers import base
from monitor.core.fields import Field
from monitor.outside import mail

ADDRESS = re.compile(r"[^@\s,<>]+@[^@\s,<>]+")


class Email:
    """E-mail 邮件: one letter, as text and as HTML, to all addresses."""

    fields = (Field("to", "To", kind="list", required=True, help="Addresses, separated by commas."),)
    limit_bytes = 200_000

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = settings

    def send(self, message: Message, post: base.Post) -> None:
        del post  # a letter goes by SMTP
        to = list(self.settings["to"])
        bad = next((address for address in to if not ADDRESS.fullmatch(address)), None)
        if bad is not None or not to:
            text = f"{bad or ''!r} is no e-mail address; correct it in the contact"
            raise base.RefusedError(text)
        text = markdown(
            message, limit_bytes=self.limit_bytes, bold="", link=lambda name, url: f"{name}: {url}", line="\n"
        )
        try:
            mail.send(to, message.title, text, rich(message))
        except mail.MailRefusedError as error:
            raise base.RefusedError(str(error)) from error
        except mail.MailLaterError as error:
            raise base.LaterError(str(error)) from error

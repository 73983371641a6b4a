"""One letter over SMTP, by the server of the settings."""

import smtplib
from collections.abc import Sequence

from django.core.mail import EmailMultiAlternatives, get_connection

SMTP = "django.core.mail.backends.smtp.EmailBackend"


class MailRefusedError(Exception):
    """The server will not take this letter. No retry; the addresses or the settings need a change."""


class MailLaterError(Exception):
    """The server can't take it now, or can't be reached. A retry may help."""


def send(to: Sequence[str], subject: str, text: str, html: str = "") -> None:
    """Send one letter; raises MailRefusedError or MailLaterError."""
    letter = EmailMultiAlternatives(
        " ".join(subject.split()), text, to=list(to), connection=get_connection(SMTP)
    )
    if html:
        letter.attach_alternative(html, "text/html")
    try:
        letter.send()
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _ in error.recipients.values()]
        message = f"the mail server refused {', '.join(error.recipients)}"
        raise (MailLaterError if codes and max(codes) < 500 else MailRefusedError)(message) from error
    except smtplib.SMTPResponseException as error:
        answer = (
            error.smtp_error.decode(errors="replace")
            if isinstance(error.smtp_error, bytes)
            else error.smtp_error
        )
        message = f"the mail server answered {error.smtp_code} {answer}"
        raise (MailLaterError if error.smtp_code < 500 else MailRefusedError)(message) from error
    except (OSError, smtplib.SMTPException) as error:
        message = f"the mail server can't be reached ({error}); check VIGIL_SMTP_HOST and VIGIL_SMTP_PORT"
        raise MailLaterError(message) from error
    except ValueError as error:
        message = f"the letter can't be written: {error}"
        raise MailRefusedError(message) from error

"""One letter over SMTP, by the server of the settings or one that a contact names.

A server that somebody else named is checked like any web address: resolved, judged, and connected to as such.
"""

import smtplib
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.smtp import EmailBackend

from monitor.outside import http

ENCRYPTIONS = ("starttls", "tls", "none")
PORTS = {"starttls": 587, "tls": 465, "none": 25}


class MailRefusedError(Exception):
    """The server will not take this letter. No retry; the addresses or the settings need a change."""


class MailLaterError(Exception):
    """The server can't take it now, or can't be reached. A retry may help."""


@dataclass(frozen=True, slots=True)
class Letter:
    """``reference`` stays the same over retries, so that mail programs see one letter."""

    to: Sequence[str]
    subject: str
    text: str
    html: str = ""
    sender: str = ""
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Server:
    """A mail server of one's own; ``address`` is a host with or without a port."""

    address: str
    username: str = ""
    password: str = field(default="", repr=False)
    encryption: str = "starttls"


def send(letter: Letter, server: Server | None = None) -> None:
    """Send one letter; raises MailRefusedError or MailLaterError."""
    headers = {"X-Vigil-Delivery": letter.reference} if letter.reference else {}
    connection: EmailBackend | None = None
    secrets = _secrets(server)
    try:
        connection = _own(server) if server else EmailBackend()
        made = EmailMultiAlternatives(
            " ".join(letter.subject.split()), letter.text, letter.sender or None, to=list(letter.to), headers=headers,
            connection=connection,
        )  # fmt: skip
        if letter.html:
            made.attach_alternative(letter.html, "text/html")
        made.send()
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _ in error.recipients.values()]
        message = f"the mail server refused {', '.join(error.recipients)}"
        raise (MailLaterError if codes and max(codes) < 500 else MailRefusedError)(message) from error
    except smtplib.SMTPResponseException as error:
        raise _answered(error, secrets) from error
    except http.ForbiddenTargetError as error:
        raise MailRefusedError(str(error)) from error
    except smtplib.SMTPNotSupportedError as error:
        said = http.redact(str(error), secrets)
        message = f"the mail server does not offer what is asked of it: {said}; choose another encryption"
        raise MailRefusedError(message) from error
    except (OSError, smtplib.SMTPException) as error:
        where = "the address of the mail server" if server else "VIGIL_SMTP_HOST and VIGIL_SMTP_PORT"
        message = f"the mail server can't be reached ({http.redact(str(error), secrets)}); check {where}"
        raise MailLaterError(message) from error
    except ValueError as error:
        message = f"the letter can't be written: {error}"
        raise MailRefusedError(message) from error
    finally:
        if connection is not None:
            connection.close()


def _secrets(server: Server | None) -> tuple[str, ...]:
    """What a server may say back of how we signed in; SMTP sends name and password as one text in base64."""
    user = server.username if server else settings.EMAIL_HOST_USER
    password = server.password if server else settings.EMAIL_HOST_PASSWORD
    return (password, f"\0{user}\0{password}") if password else ()


def _answered(error: smtplib.SMTPResponseException, secrets: tuple[str, ...]) -> Exception:
    said = error.smtp_error
    text = said.decode(errors="replace") if isinstance(said, bytes) else said
    # what it says may be as long as it likes, and hold what PostgreSQL does not store
    text = " ".join(http.redact(text, secrets).replace("\x00", " ").split())[: http.EXCERPT]
    message = f"the mail server answered {error.smtp_code} {text}"
    return (MailLaterError if error.smtp_code < 500 else MailRefusedError)(message)


def _own(server: Server) -> EmailBackend:
    if server.encryption not in ENCRYPTIONS:
        message = f"encryption {server.encryption!r} is not one of {', '.join(ENCRYPTIONS)}"
        raise ValueError(message)
    host, colon, port = server.address.strip().rpartition(":")
    if not colon:
        host, port = port, str(PORTS[server.encryption])
    if not host or not port.isdecimal():
        message = f"{server.address!r} is no mail server; write it like smtp.example.com:587"
        raise ValueError(message)
    return _CheckedBackend(
        host=host.strip("[]"), port=int(port), username=server.username, password=server.password,
        use_tls=server.encryption == "starttls", use_ssl=server.encryption == "tls", timeout=settings.EMAIL_TIMEOUT,
    )  # fmt: skip


class _CheckedBackend(EmailBackend):
    @property
    def connection_class(self) -> Any:
        return _CheckedTls if self.use_ssl else _Checked


def _connected(host: str, port: int, timeout: float) -> socket.socket:
    addresses = http.resolved(host, port, private=settings.VIGIL_ALLOW_PRIVATE_TARGETS)
    return socket.create_connection((addresses[0], port), timeout)


class _Checked(smtplib.SMTP):
    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        return _connected(host, port, timeout)


class _CheckedTls(smtplib.SMTP_SSL):
    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        return self.context.wrap_socket(_connected(host, port, timeout), server_hostname=host)

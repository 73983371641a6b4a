import email
import email.policy

import pytest
from pytest_django.fixtures import Settings

from monitor.outside import mail
from tests.fixtures.fix_outside import Mailbox


@pytest.fixture
def post_office(mailbox: Mailbox, settings: Settings) -> Mailbox:
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", mailbox.port
    return mailbox


def test_a_letter_arrives_with_text_and_html(post_office: Mailbox) -> None:
    mail.send(["ops@example.com"], "慢了\nBcc: x@example.com", "plain", "<p>rich</p>")
    (letter,) = post_office.letters
    parsed = email.message_from_bytes(letter.data, policy=email.policy.default)
    assert letter.recipients == ("ops@example.com",)
    assert str(parsed["subject"]) == "慢了 Bcc: x@example.com"
    assert [part.get_content_type() for part in parsed.iter_parts()] == ["text/plain", "text/html"]


@pytest.mark.parametrize(
    "verb, answer, error",
    [("RCPT", "550 no such user", mail.MailRefusedError), ("RCPT", "450 later", mail.MailLaterError),
     ("MAIL", "421 busy", mail.MailLaterError), ("DATA", "554 spam", mail.MailRefusedError)],
)  # fmt: skip
def test_a_refusal_says_whether_to_try_again(
    post_office: Mailbox, verb: str, answer: str, error: type[Exception]
) -> None:
    post_office.refuse[verb] = answer
    with pytest.raises(error):
        mail.send(["ops@example.com"], "s", "t")


def test_a_server_that_is_not_there_is_tried_again(settings: Settings) -> None:
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    with pytest.raises(mail.MailLaterError, match="VIGIL_SMTP_HOST"):
        mail.send(["ops@example.com"], "s", "t")

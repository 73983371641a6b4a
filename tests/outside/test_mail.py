import base64
import email
import email.policy

import pytest
from pytest_django.fixtures import Settings

from monitor.outside import mail
from tests.fixtures.fix_outside import Mailbox

LETTER = mail.Letter(["ops@example.com"], "s", "t")


@pytest.fixture
def post_office(mailbox: Mailbox, settings: Settings) -> Mailbox:
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", mailbox.port
    return mailbox


def test_a_letter_arrives_with_text_and_html(post_office: Mailbox) -> None:
    mail.send(mail.Letter(["ops@example.com"], "慢了\nBcc: x@example.com", "plain", "<p>rich</p>"))
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
        mail.send(LETTER)


def test_a_server_that_is_not_there_is_tried_again(settings: Settings) -> None:
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    with pytest.raises(mail.MailLaterError, match="VIGIL_SMTP_HOST"):
        mail.send(LETTER)


def test_a_server_that_says_the_password_back_gives_it_to_nobody(mailbox: Mailbox) -> None:
    coded = base64.b64encode(b"\0ada\0s3cr3t+pw").decode()
    mailbox.refuse["MAIL"] = f"550 no s3cr3t+pw, s3cr3t%2Bpw or {coded}"
    with pytest.raises(mail.MailRefusedError) as caught:
        mail.send(LETTER, mail.Server(f"127.0.0.1:{mailbox.port}", "", "s3cr3t+pw", "none"))
    assert str(caught.value) == "the mail server answered 550 no ••••••, •••••• or " + coded
    assert mail._secrets(mail.Server("m", "ada", "s3cr3t+pw")) == ("s3cr3t+pw", "\0ada\0s3cr3t+pw")


def test_a_contacts_own_server_and_sender_are_used(mailbox: Mailbox) -> None:
    letter = mail.Letter(["ops@example.com"], "s", "t", sender="vigil@example.org", reference="r1")
    mail.send(letter, mail.Server(f"127.0.0.1:{mailbox.port}", encryption="none"))
    assert mailbox.letters[0].sender == "vigil@example.org"
    assert b"X-Vigil-Delivery: r1" in mailbox.letters[0].data


def test_a_server_that_offers_no_encryption_gets_no_letter(mailbox: Mailbox) -> None:
    with pytest.raises(mail.MailRefusedError, match="STARTTLS"):
        mail.send(LETTER, mail.Server(f"127.0.0.1:{mailbox.port}"))
    assert mailbox.letters == []


@pytest.mark.parametrize("address", ["169.254.169.254:25", "[fd00:ec2::254]:25", "0.0.0.0:25"])
def test_addresses_that_must_not_be_called_are_refused(address: str) -> None:
    with pytest.raises(mail.MailRefusedError, match="must not be called"):
        mail.send(LETTER, mail.Server(address, encryption="none"))


def test_private_mail_servers_of_contacts_can_be_forbidden(mailbox: Mailbox, settings: Settings) -> None:
    settings.VIGIL_ALLOW_PRIVATE_TARGETS = False
    with pytest.raises(mail.MailRefusedError, match="must not be called"):
        mail.send(LETTER, mail.Server(f"127.0.0.1:{mailbox.port}", encryption="none"))


@pytest.mark.parametrize("address", ["", "host:port", ":25"])
def test_what_is_no_server_is_refused(address: str) -> None:
    with pytest.raises(mail.MailRefusedError, match="no mail server"):
        mail.send(LETTER, mail.Server(address, encryption="none"))

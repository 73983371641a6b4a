import email
import email.policy

import pytest
from pytest_django.fixtures import Settings

from monitor.alerting.receivers.base import LaterError, RefusedError
from monitor.alerting.receivers.email import Email
from monitor.outside.http import Caller
from tests.fixtures.fix_outside import Mailbox
from tests.kits import receiver as kit


@pytest.fixture
def post_office(mailbox: Mailbox, settings: Settings) -> Mailbox:
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", mailbox.port
    return mailbox


def send(*to: str) -> None:
    Email({"to": list(to)}).send(kit.FIRING, Caller())


def test_one_letter_goes_to_all_addresses(post_office: Mailbox) -> None:
    send("a@example.com", "b@example.com")
    (letter,) = post_office.letters
    parsed = email.message_from_bytes(letter.data, policy=email.policy.default)
    assert letter.recipients == ("a@example.com", "b@example.com")
    assert str(parsed["subject"]) == "[告警 FIRING:1] HighLatency · shop"


def test_markup_in_a_label_stays_text_in_the_letter(post_office: Mailbox) -> None:
    Email({"to": ["a@example.com"]}).send(kit.message(kit.alert(text="<script>")), Caller())
    parsed = email.message_from_bytes(post_office.letters[0].data, policy=email.policy.default)
    html = next(part.get_content() for part in parsed.walk() if part.get_content_type() == "text/html")
    assert "&lt;script&gt;" in html


@pytest.mark.parametrize("address", ["nobody", "a@b, c@d", "a@b\nBcc: c@d"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(RefusedError, match="no e-mail address"):
        send(address)


@pytest.mark.parametrize("answer, error", [("550 no such user", RefusedError), ("451 later", LaterError)])
def test_the_servers_answer_decides_about_another_try(
    post_office: Mailbox, answer: str, error: type[Exception]
) -> None:
    post_office.refuse["RCPT"] = answer
    with pytest.raises(error):
        send("a@example.com")

"""Every receiver in the list passes these; a new one gains them by being listed."""

import base64
import json
import re
from collections.abc import Callable
from functools import partial
from urllib.parse import quote, unquote

import pytest
from pytest_django.fixtures import Settings

from monitor.alerting import deliver
from monitor.alerting.message import Message
from monitor.alerting.models import Contact, Delivery, DeliveryAttempt
from monitor.alerting.receivers import RECEIVERS
from monitor.alerting.receivers.base import LaterError, RefusedError
from monitor.outside.http import Caller, ForbiddenTargetError, UnreachableError
from tests.fixtures.fix_cast import Cast
from tests.fixtures.fix_outside import Answer, Mailbox, Outside, Received
from tests.kits import receiver as kit

BY_HTTP = [name for name in RECEIVERS if name != "email"]
CALLER = Caller(secrets=(kit.SECRET,), timeout_seconds=0.3)
every = partial(pytest.mark.parametrize, "name")


@pytest.fixture
def service(outside: Callable[[], Outside], mailbox: Mailbox, settings: Settings) -> Outside:
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", mailbox.port
    return outside()


def send(name: str, service: Outside, message: Message = kit.FIRING) -> None:
    kit.made(name, service.url).send(message, CALLER)


def posted(service: Outside) -> list[Received]:
    """The messages; some services are asked for a token first."""
    return [one for one in service.received if one.method == "POST"]


@every(RECEIVERS)
@pytest.mark.parametrize("message", [kit.FIRING, kit.RESOLVED, kit.HUGE, kit.NASTY])
def test_every_kind_of_message_is_sent(
    name: str, message: Message, service: Outside, mailbox: Mailbox
) -> None:
    service.always(200, kit.ACCEPTED.get(name, {}))
    send(name, service, message)
    assert len(posted(service)) + len(mailbox.letters) == 1


@every(RECEIVERS)
def test_firing_and_resolved_look_different(name: str, service: Outside, mailbox: Mailbox) -> None:
    service.always(200, kit.ACCEPTED.get(name, {}))
    send(name, service, kit.FIRING)
    send(name, service, kit.RESOLVED)
    first, second = [one.body for one in posted(service)] or [one.data for one in mailbox.letters]
    assert first != second


@every(BY_HTTP)
def test_no_message_is_longer_than_the_service_takes(name: str, service: Outside) -> None:
    service.always(200, kit.ACCEPTED.get(name, {}))
    send(name, service, kit.HUGE)
    longest = max(map(kit.MEASURES[name], texts(posted(service)[0].json)))
    assert longest <= RECEIVERS[name].limit_bytes


@every([name for name in RECEIVERS if name not in {"webhook", "pagerduty"}])
def test_what_did_not_fit_is_counted(name: str, service: Outside, mailbox: Mailbox) -> None:
    service.always(200, kit.ACCEPTED.get(name, {}))
    send(name, service, kit.HUGE)
    raw = mailbox.letters[0].data.decode() if name == "email" else " ".join(texts(posted(service)[0].json))
    shown = set(re.findall(r"pod=pod-(\d+)", raw.replace("=3D", "=").replace("=\r\n", "")))
    hidden = re.search(r"and (\d+) more", raw)
    assert hidden is not None
    assert name == "email" or len(shown) + int(hidden[1]) >= 90


def texts(value: object) -> list[str]:
    if isinstance(value, dict):
        return [text for one in value.values() for text in texts(one)]
    if isinstance(value, list):
        return [text for one in value for text in texts(one)]
    return [value] if isinstance(value, str) else []


@every(BY_HTTP)
@pytest.mark.parametrize("status", [500, 502, 503, 429, 408])
def test_a_busy_service_is_tried_again(name: str, status: int, service: Outside) -> None:
    service.answer(status, b"busy")
    with pytest.raises(LaterError, match=f"HTTP {status}"):
        send(name, service)


@every(BY_HTTP)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 301])
def test_a_refusal_is_not_tried_again(name: str, status: int, service: Outside) -> None:
    service.answer(status, b"no")
    with pytest.raises(RefusedError, match=f"HTTP {status}"):
        send(name, service)


@every(BY_HTTP)
def test_a_wait_that_the_service_asks_for_is_heard(name: str, service: Outside) -> None:
    service.answer(429, b"slow down", retry_after="37")
    with pytest.raises(LaterError) as caught:
        send(name, service)
    assert caught.value.after_seconds == 37


@every(BY_HTTP)
@pytest.mark.parametrize("status", [200, 400, 500])
def test_no_secret_stands_in_any_error(name: str, status: int, service: Outside) -> None:
    service.answer(
        status, json.dumps({"errcode": 1, "code": 1, "errmsg": kit.SECRET, "msg": kit.SECRET}).encode()
    )
    try:
        send(name, service)
    except (RefusedError, LaterError) as error:
        assert kit.SECRET not in str(error)  # noqa: PT017 — not every receiver reads the body of a 200


@every(BY_HTTP)
@pytest.mark.parametrize("status", [200, 404, 503])
def test_a_service_that_says_back_all_it_got_gives_no_secret_away(
    name: str, status: int, service: Outside, cast: Cast, caplog: pytest.LogCaptureFixture
) -> None:
    marked = {one.name: f"s3cr3t {one.name}/+x" for one in RECEIVERS[name].fields if one.secret}
    settings = kit.settings(name, service.url) | marked | {"username": "ada"}
    for one in RECEIVERS[name].fields:
        if one.kind == "url":
            own = quote(marked[one.name] + "é", safe="")
            settings[one.name] = f"{service.url}/hook/{own}?access_token={own}"
    settings = {key: settings[key] for key in settings if key in {one.name for one in RECEIVERS[name].fields}}
    contact = Contact.objects.create(project=cast.project, name="c", kind=name, settings=settings)
    service.respond = lambda got: Answer(status, _echo(got))
    deliver.send_test(contact, now=kit.NOON)
    deliver.run_due(now=kit.NOON)
    kept = [
        *Delivery.objects.values_list("last_error", flat=True),
        *Contact.objects.values_list("last_error", flat=True),
    ]
    kept += [*DeliveryAttempt.objects.values_list("error", flat=True), caplog.text]
    assert service.received
    assert "s3cr3t" not in unquote(" ".join(kept)).lower()
    assert not any(base64.b64encode(one.encode()).decode()[:20] in " ".join(kept) for one in marked.values())


def _echo(got: Received) -> bytes:
    """Whatever came, as it came, decoded, quoted, as a robot's own error."""
    told = f"{got.path}?{got.raw_query} {unquote(got.path)} {got.headers} {got.body!r} {got.query!r}"
    return json.dumps({"errcode": 9, "code": 9, "errmsg": told, "msg": told, "description": told}).encode()


@every(BY_HTTP)
def test_no_secret_stands_in_the_error_of_a_service_that_hangs(name: str, service: Outside) -> None:
    service.answer(hang=True)
    with pytest.raises(UnreachableError) as caught:
        send(name, service)
    assert kit.SECRET not in str(caught.value)


@every(BY_HTTP)
def test_metadata_addresses_are_never_called(name: str) -> None:
    with pytest.raises(ForbiddenTargetError):
        kit.made(name, "http://169.254.169.254").send(kit.FIRING, CALLER)


@every(RECEIVERS)
def test_every_address_and_password_is_declared_a_secret(name: str) -> None:
    for field in RECEIVERS[name].fields:
        assert field.secret or not (field.kind == "url" or "token" in field.name or "secret" in field.name)

"""Every rollout action in the list passes these; a new one gains them by being listed."""

from collections.abc import Callable
from functools import partial

import pytest
from pytest_django.fixtures import Settings

from monitor.canary.actions import ACTIONS
from monitor.canary.actions.base import Intent, LaterError, RefusedError
from monitor.core import fields
from monitor.outside.http import Caller, ForbiddenTargetError, UnreachableError
from tests.fixtures.fix_outside import Answer, Outside
from tests.kits import rollout_action as kit

BY_HTTP = [name for name in ACTIONS if name != "nginx"]
CALLER = Caller(secrets=(kit.SECRET,), timeout_seconds=0.3)
every = partial(pytest.mark.parametrize, "name")


@pytest.fixture
def service(outside: Callable[[], Outside]) -> Outside:
    server = outside()
    server.respond = kit.respond
    return server


@every(BY_HTTP)
@pytest.mark.parametrize("intent", ["shift", "promote", "rollback"])
def test_every_order_is_carried_out_and_answered_in_words(
    name: str, intent: Intent, service: Outside
) -> None:
    assert kit.made(name, service.url).act(kit.order(intent), CALLER)
    assert service.received


@every(BY_HTTP)
def test_the_same_order_twice_asks_for_the_same(name: str, service: Outside) -> None:
    action = kit.made(name, service.url)
    action.act(kit.order(), CALLER)
    first = [(one.method, one.path, one.body) for one in service.received]
    action.act(kit.order(), CALLER)
    assert [(one.method, one.path, one.body) for one in service.received] == first * 2


@every(BY_HTTP)
@pytest.mark.parametrize("status, error", [(403, RefusedError), (429, LaterError), (503, LaterError)])
def test_what_is_answered_decides_whether_it_is_tried_again(
    name: str, status: int, error: type[Exception], service: Outside
) -> None:
    service.respond = lambda _request: Answer(status, b'{"message":"no"}')
    with pytest.raises(error, match=str(status)):
        kit.made(name, service.url).act(kit.order(), CALLER)


@every(BY_HTTP)
def test_no_secret_shows_in_an_error(name: str, service: Outside) -> None:
    service.respond = lambda _request: Answer(400, f"you sent {kit.SECRET}".encode())
    with pytest.raises(RefusedError) as caught:
        kit.made(name, service.url).act(kit.order(), CALLER)
    assert kit.SECRET not in str(caught.value)


@every(BY_HTTP)
def test_nobody_at_home_is_tried_again(name: str) -> None:
    with pytest.raises(UnreachableError) as caught:
        kit.made(name, "http://127.0.0.1:9").act(kit.order(), CALLER)
    assert kit.SECRET not in str(caught.value)


@every(BY_HTTP)
def test_a_forbidden_address_is_not_called(name: str, service: Outside, settings: Settings) -> None:
    settings.VIGIL_ALLOW_PRIVATE_TARGETS = False
    with pytest.raises(ForbiddenTargetError):
        kit.made(name, service.url).act(kit.order(), CALLER)
    assert not service.received


@every(ACTIONS)
def test_settings_that_are_missing_are_named(name: str) -> None:
    required = [field.name for field in ACTIONS[name].fields if field.required and field.default is None]
    with pytest.raises(fields.BadFieldError, match=required[0]):
        fields.clean(ACTIONS[name].fields, {})

"""Signing in: by password with limited tries, with a second factor, through a real provider of identities."""

from collections.abc import Iterator
from urllib.parse import urlencode

import httpx2
import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from monitor.store.models import Membership, Role
from tests.fixtures.fix_cast import Cast
from tests.services import identity

WRONG = {"username": "ben", "password": "guess"}
RIGHT = {"username": "ben", "password": "ben-ben-ben"}


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    dora = {"sub": "dora-1", "email": "dora@example.com", "preferred_username": "dora", "groups": ["sre"]}
    emil = {"sub": "emil-1", "email": "emil@example.com", "preferred_username": "emil", "groups": ["sales"]}
    with identity.provider(dora, emil) as url:
        yield url


@pytest.fixture
def sso(settings: Settings, issuer: str) -> str:
    app = {"provider_id": "sso", "name": "Acme", "client_id": "vigil", "secret": "s3cret",
           "settings": {"server_url": issuer}}  # fmt: skip
    settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"OAUTH_PKCE_ENABLED": True, "APPS": [app]}}
    settings.VIGIL_OIDC_ROLES = [("sre", "shop:editor")]
    return issuer


def through(client: Client, subject: str) -> int:
    """Press the button, agree at the provider, come back: the status of the way back."""
    start = client.post("/account/oidc/sso/login/?process=login")
    agreed = httpx2.post(start["Location"], data={"sub": subject}, follow_redirects=False)
    back = agreed.headers["location"]
    assert back.startswith("http://testserver/account/oidc/sso/login/callback/?"), back
    return client.get(back.removeprefix("http://testserver")).status_code


@pytest.mark.usefixtures("own_cache")
def test_a_right_password_opens_the_page_that_was_asked_for(client: Client, cast: Cast) -> None:
    answer = client.post("/login/", {**RIGHT, "next": "/p/shop/overview/"})
    assert (answer.status_code, answer["Location"]) == (302, "/p/shop/overview/")


@pytest.mark.usefixtures("own_cache")
def test_after_five_wrong_passwords_the_right_one_is_refused_too(client: Client, cast: Cast) -> None:
    for _ in range(5):
        client.post("/login/", WRONG)
    answer = client.post("/login/", RIGHT)
    assert answer.status_code == 200
    assert "Too many failed" in answer.content.decode()


@pytest.mark.usefixtures("own_cache")
def test_the_admin_has_no_login_of_its_own(client: Client, cast: Cast) -> None:
    answer = client.get("/admin/login/?next=/admin/")
    assert answer["Location"].startswith("/login/?")


@pytest.mark.parametrize(
    "path", ["/account/signup/", "/account/password/", "/account/2fa/", "/account/sessions/"]
)
def test_strangers_get_no_account_and_see_none(client: Client, cast: Cast, path: str) -> None:
    assert client.get(path)["Location"].startswith("/login/")


@pytest.mark.usefixtures("own_cache")
def test_a_second_factor_is_asked_for_once_it_is_set_up(client: Client, cast: Cast) -> None:
    client.post("/login/", RIGHT)
    client.post("/account/again/", {"password": RIGHT["password"]})
    page = client.get("/account/2fa/totp/activate/")
    secret = page.context["form"].secret
    client.post("/account/2fa/totp/activate/", {"code": code(secret)})
    client.post("/logout/")
    assert client.post("/login/", RIGHT)["Location"].startswith("/account/2fa/authenticate/")
    assert client.get("/p/shop/overview/").status_code == 302


@pytest.mark.usefixtures("own_cache")
def test_ones_own_sessions_are_listed(client: Client, cast: Cast) -> None:
    client.post("/login/", RIGHT)
    Client().post("/login/", RIGHT, headers={"user-agent": "Netscape"})
    assert "Netscape" in client.get("/account/sessions/").content.decode()


@pytest.mark.usefixtures("own_cache")
def test_single_sign_on_brings_a_person_with_the_role_of_the_claim(
    client: Client, cast: Cast, sso: str
) -> None:
    assert through(client, "dora-1") == 302
    assert client.get("/p/shop/overview/").status_code == 200
    dora = User.objects.get(username="dora")
    assert Membership.objects.get(user=dora).role == Role.EDITOR


@pytest.mark.usefixtures("own_cache")
def test_single_sign_on_without_a_role_is_refused_with_the_reason(
    client: Client, cast: Cast, sso: str
) -> None:
    assert through(client, "emil-1") == 403
    assert client.get("/p/shop/overview/").status_code == 302


@pytest.mark.usefixtures("own_cache")
def test_a_role_is_gone_at_the_next_sign_on_when_its_rule_is(
    client: Client, cast: Cast, sso: str, settings: Settings
) -> None:
    through(client, "dora-1")
    client.post("/logout/")
    settings.VIGIL_OIDC_ROLES = [("sre", "other:viewer")]
    through(client, "dora-1")
    assert (client.get("/p/shop/overview/").status_code, client.get("/p/other/overview/").status_code) == (
        404,
        200,
    )


def test_the_button_is_there_only_where_a_provider_is(
    client: Client, cast: Cast, sso: str, settings: Settings
) -> None:
    assert "Log in with Acme" in client.get("/login/?" + urlencode({"next": "/"})).content.decode()
    settings.SOCIALACCOUNT_PROVIDERS = {}
    assert "Log in with" not in client.get("/login/").content.decode()


def code(secret: str) -> str:
    counter = next(iter(yield_hotp_counters_from_time()))
    return str(format_hotp_value(hotp_value(secret, counter)))

"""The administration speaks Chinese where its theme speaks English alone, and keeps secrets to itself."""

from pathlib import Path

import pytest
import unfold
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.test import Client
from django.utils import translation

from dashboards import theme
from tests.fixtures.fix_cast import Cast

TEMPLATES = Path(unfold.__file__).parent


def test_what_the_theme_says_is_said_in_chinese() -> None:
    with translation.override("zh-hans"):
        assert [one for one in theme.SAID if translation.gettext(one) == one] == []


def test_nothing_is_kept_that_the_theme_does_not_say_any_more() -> None:
    said = "\n".join(
        path.read_text(encoding="utf-8") for kind in ("html", "py") for path in TEMPLATES.rglob(f"*.{kind}")
    )
    assert [one for one in theme.SAID if one[:40] not in said] == []


@pytest.mark.parametrize("path", ["", "monitor/contact/", "nothing/"])
def test_scripts_written_into_a_page_of_the_administration_do_not_run(
    client: Client, cast: Cast, path: str
) -> None:
    client.force_login(cast.ada)
    policy = client.get(f"/admin/{path}")["Content-Security-Policy"]
    assert "script-src 'self' 'unsafe-eval';" in f"{policy};"


def test_the_secret_of_a_second_factor_is_shown_to_nobody(client: Client, cast: Cast) -> None:
    factor = Authenticator.objects.create(user=cast.ben, type="totp", data={"secret": "JBSWY3DPEHPK3PXP"})
    client.force_login(cast.ada)
    shown = client.get(f"/admin/mfa/authenticator/{factor.pk}/change/")
    assert shown.status_code == 200
    assert "JBSWY3DPEHPK3PXP" not in shown.content.decode()


def test_a_session_that_is_deleted_is_signed_out(client: Client, cast: Cast) -> None:
    theirs = Client()
    theirs.force_login(cast.ben)
    row = UserSession.objects.create(
        user=cast.ben, session_key=theirs.session.session_key, ip="127.0.0.1", user_agent="x"
    )
    client.force_login(cast.ada)
    client.post(f"/admin/usersessions/usersession/{row.pk}/delete/", {"post": "yes"})
    assert theirs.get("/p/shop/overview/").status_code == 302

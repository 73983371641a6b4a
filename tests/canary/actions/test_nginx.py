from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from monitor.canary.actions.base import LaterError
from monitor.canary.actions.nginx import Nginx
from monitor.outside.http import Caller
from monitor.outside.nginx import BadNginxError
from tests.fixtures.fix_nginx import Router
from tests.kits import rollout_action as kit

SETTINGS = {
    "file": "first.conf", "variable": "$vigil_upstream", "key": "$http_x_user", "stable_upstream": "stable",
    "canary_upstream": "canary",
}  # fmt: skip
Changed = Callable[..., Nginx]


def test_a_real_nginx_sends_the_share_that_was_ordered_and_takes_it_back(router: Router) -> None:
    action = Nginx(SETTINGS)
    action.act(kit.order(share=0.2), Caller())
    assert router.wait_for_share(0.15, 0.25) == pytest.approx(0.2, abs=0.05)
    action.act(kit.order("promote"), Caller())
    assert router.wait_for_share(1.0, 1.0) == 1.0
    action.act(kit.order("rollback"), Caller())
    assert router.wait_for_share(0.0, 0.0) == 0.0


def test_who_had_the_canary_keeps_it_when_its_share_grows(router: Router) -> None:
    users = [f"user-{one}" for one in range(300)]
    action = Nginx(SETTINGS)
    action.act(kit.order(share=0.2), Caller())
    router.wait_for_share(0.15, 0.25)
    few = {user for user, (version, _) in zip(users, router.ask(users), strict=True) if version == "v2"}
    action.act(kit.order(share=0.5), Caller())
    router.wait_for_share(0.45, 0.55)
    many = {user for user, (version, _) in zip(users, router.ask(users), strict=True) if version == "v2"}
    assert few < many


def test_a_file_that_nginx_does_not_take_is_put_back(router: Router, settings: Settings) -> None:
    before = (router.home / "split" / "first.conf").read_text("utf-8")
    with pytest.raises(LaterError, match=r"unknown .vigil_upstream. variable"):
        Nginx({**SETTINGS, "variable": "$other", "canary_upstream": "nowhere", "file": "first.conf"}).act(
            kit.order(), Caller()
        )
    assert (router.home / "split" / "first.conf").read_text("utf-8") == before


@pytest.fixture
def folder(tmp_path: Path, settings: Settings) -> Path:
    settings.VIGIL_NGINX_FOLDER = str(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "change",
    [
        {"file": "../nginx.conf"}, {"file": "/etc/passwd"}, {"file": ".hidden"},
        {"canary_upstream": "a; } server { listen 80; }"}, {"key": 'x" { }'}, {"variable": "$a;"},
    ],
)  # fmt: skip
def test_nothing_but_plain_names_gets_into_the_file(change: dict[str, Any], folder: Path) -> None:
    with pytest.raises(ValueError, match=r"name|configuration"):
        Nginx({**SETTINGS, **change})


def test_without_a_folder_there_is_no_nginx_to_change(settings: Settings) -> None:
    settings.VIGIL_NGINX_FOLDER = ""
    with pytest.raises(BadNginxError, match="VIGIL_NGINX_FOLDER"):
        Nginx(SETTINGS)

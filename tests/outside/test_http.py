import logging
import socket
from collections.abc import Callable
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from monitor.outside.http import Caller, ForbiddenTargetError, UnreachableError, allowed, redact
from tests.fixtures.fix_outside import Outside

SECRET = "s3cr3t-token"


def test_a_post_is_json_and_its_answer_comes_back(outside: Callable[[], Outside]) -> None:
    server = outside()
    server.answer(201, {"ok": True})
    answer = Caller().post(server.url + "/hook?a=1", {"text": "响应慢"})
    assert (answer.status, answer.json()) == (201, {"ok": True})
    assert (server.received[0].json, server.received[0].raw_query) == ({"text": "响应慢"}, "a=1")


def test_a_redirect_is_an_answer_and_not_a_journey(outside: Callable[[], Outside]) -> None:
    server, other = outside(), outside()
    server.answer(302, location=other.url)
    assert Caller().post(server.url, {}).status == 302
    assert other.received == []


def test_an_answer_that_is_too_large_is_cut_off(outside: Callable[[], Outside]) -> None:
    server = outside()
    server.answer(200, b"x" * 5000)
    with pytest.raises(UnreachableError, match="more than 1000 bytes"):
        Caller(max_answer_bytes=1000).post(server.url, {})


def test_a_server_that_hangs_is_given_up_in_time(outside: Callable[[], Outside]) -> None:
    server = outside()
    server.answer(hang=True)
    with pytest.raises(UnreachableError, match="did not answer within"):
        Caller(timeout_seconds=0.2).post(server.url, {})


def test_nobody_there_is_unreachable_and_the_error_keeps_the_path_to_itself() -> None:
    with pytest.raises(UnreachableError) as caught:
        Caller(secrets=(SECRET,)).post(f"http://127.0.0.1:1/{SECRET}?key={SECRET}", {})
    assert SECRET not in str(caught.value)
    assert "127.0.0.1" in str(caught.value)


def test_an_excerpt_of_an_answer_hides_the_secrets(outside: Callable[[], Outside]) -> None:
    server = outside()
    server.answer(400, f"bad token {SECRET}\n\n twice".encode())
    assert Caller(secrets=(SECRET,)).post(server.url, {}).excerpt == "bad token •••••• twice"


def test_an_excerpt_of_an_error_page_is_its_words(outside: Callable[[], Outside]) -> None:
    server = outside()
    server.answer(404, b"<!doctype html><style>a {b: c}</style><title>404</title><p>no such robot</p>")
    assert Caller().post(server.url, {}).excerpt == "404 no such robot"


@pytest.mark.parametrize(
    "address, private, may",
    [
        ("8.8.8.8", False, True), ("127.0.0.1", True, True), ("127.0.0.1", False, False),
        ("10.1.2.3", True, True), ("10.1.2.3", False, False), ("192.168.0.1", False, False),
        ("169.254.169.254", True, False), ("169.254.169.254", False, False), ("fe80::1", True, False),
        ("fe80::1%eth0", True, False), ("::ffff:169.254.169.254", True, False),
        ("64:ff9b::a9fe:a9fe", True, False), ("2002:a9fe:a9fe::", True, False), ("0.0.0.0", True, False),
        ("::", True, False), ("224.0.0.1", True, False), ("100.100.100.200", True, False),
        ("fd00:ec2::254", True, False), ("fd12::1", True, True), ("::1", False, False), ("100.64.1.1", True, True),
        ("::1", True, True), ("::127.0.0.1", False, False), ("::a9fe:a9fe", True, False), ("::ffff:0:7f00:1", False, False),
        ("64:ff9b:1::a9fe:a9fe", True, False), ("64:ff9b:1::808:808", False, False), ("fec0::1", False, False),
        ("192.0.0.192", True, False), ("fd20:ce::254", True, False), ("2606:4700::1111", False, True),
    ],
)  # fmt: skip
def test_which_addresses_may_be_called(address: str, private: bool, may: bool) -> None:
    assert allowed(address, private=private) is may


def test_a_name_is_judged_by_the_address_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(host: str, port: int, **_: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("169.254.169.254", port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with pytest.raises(ForbiddenTargetError, match=r"169\.254\.169\.254"):
        Caller().post("http://metadata.example/latest", {})


def test_loopback_can_be_forbidden(outside: Callable[[], Outside], settings: Settings) -> None:
    settings.VIGIL_ALLOW_PRIVATE_TARGETS = False
    with pytest.raises(ForbiddenTargetError, match="VIGIL_ALLOW_PRIVATE_TARGETS"):
        Caller().post(outside().url, {})


@pytest.mark.parametrize("scheme", ["ftp", "file"])
def test_other_schemes_are_refused(scheme: str) -> None:
    with pytest.raises(ForbiddenTargetError):
        Caller().post(f"{scheme}://a/b", {})


@pytest.mark.parametrize("url", ["http://", "//a", "http://[::1", "http://a:99999"])
def test_what_is_no_web_address_is_refused(url: str) -> None:
    with pytest.raises(ForbiddenTargetError):
        Caller().post(url, {})


def test_the_longest_secret_is_masked_first() -> None:
    assert redact("abcdef abcd", ["abcd", "abcdef"]) == "•••••• ••••••"


@pytest.mark.parametrize("name", ["httpx2", "httpcore2.connection", "httpcore2.http11"])
def test_no_library_writes_addresses_into_the_log_however_much_is_asked_for(name: str) -> None:
    assert not logging.getLogger(name).isEnabledFor(logging.INFO)

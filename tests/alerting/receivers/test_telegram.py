from collections.abc import Callable
from html.parser import HTMLParser

import pytest

from monitor.alerting.message import Message
from monitor.alerting.receivers.base import LaterError, RefusedError
from monitor.alerting.receivers.telegram import Telegram
from monitor.outside.http import Caller
from tests.fixtures.fix_outside import Outside
from tests.kits import receiver as kit


def test_the_token_stands_in_the_path_and_the_text_is_html(outside: Callable[[], Outside]) -> None:
    server = outside()
    server.answer(200, {"ok": True})
    Telegram({"token": "1:A", "chat": "-100", "thread": 5, "url": server.url}).send(kit.FIRING, Caller())
    (request,) = server.received
    assert request.path == "/bot1:A/sendMessage"
    assert (request.json["chat_id"], request.json["message_thread_id"], request.json["parse_mode"]) == (
        "-100",
        5,
        "HTML",
    )


@pytest.mark.parametrize("message", [kit.HUGE, kit.NASTY])
def test_a_text_that_was_cut_has_no_open_tag(message: Message) -> None:
    opened: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002 — the base class has it so
            opened.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert opened.pop() == tag

    Reader().feed(Telegram({"token": "t", "chat": "c"}).body(message)["text"])
    assert opened == []


def test_the_pause_that_it_asks_for_is_heard(outside: Callable[[], Outside]) -> None:
    server = outside()
    server.answer(429, {"ok": False, "parameters": {"retry_after": 17}})
    with pytest.raises(LaterError) as caught:
        Telegram({"token": "t", "chat": "c", "url": server.url}).send(kit.FIRING, Caller())
    assert caught.value.after_seconds == 17


def test_an_answer_that_is_not_telegrams_is_a_refusal(outside: Callable[[], Outside]) -> None:
    with pytest.raises(RefusedError, match="not Telegram's"):
        Telegram({"token": "t", "chat": "c", "url": outside().url}).send(kit.FIRING, Caller())

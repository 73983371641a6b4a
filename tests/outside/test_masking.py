"""No secret is read out of a text, however the text writes it."""

import base64
import html
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.outside.masking import redact

SECRET = "a b/c+d=é\"'<&>\\ü模型🔑x"
WAYS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "percent": lambda text: quote(text, safe=""),
    "percent in small letters": lambda text: quote(text, safe="").lower(),
    "percent with slashes": quote,
    "percent twice": lambda text: quote(quote(text, safe=""), safe=""),
    "form": quote_plus,
    "json": lambda text: json.dumps(text)[1:-1],
    "json within json": lambda text: json.dumps(json.dumps(text))[3:-3],
    "json with letters": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "python": lambda text: repr(text)[1:-1],
    "python in ascii": lambda text: ascii(text)[1:-1],
    "python's bytes": lambda text: repr(text.encode())[2:-1],
    "html": html.escape,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "large": lambda text: "".join(one.upper() if one.isascii() else one for one in text),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_secret_is_known_however_it_is_written(way: str) -> None:
    assert redact(f"before {WAYS[way](SECRET)} after", [SECRET]) == "before •••••• after"


@given(
    st.text(min_size=4, max_size=30).filter(lambda text: not text.isspace()), st.sampled_from(sorted(WAYS))
)
def test_any_secret_is_known(secret: str, way: str) -> None:
    written = WAYS[way](secret)
    assert written not in redact(f"({written})", [secret])


ADDRESS = "https://ana:pa55word@chat.example/hooks/T0K3N%2Fx/send?access_token=abcd1234&v=2&sig=q"


@pytest.mark.parametrize(
    "said",
    [
        ADDRESS, "no route /hooks/T0K3N%2Fx/send", "no route /hooks/T0K3N/x/send", "token 'T0K3N/x' unknown", "bad token abcd1234",
        "pa55word is wrong", "?access_token=abcd1234&v=2&sig=q", "sig=q does not fit", "/HOOKS/t0k3n%2fx/SEND",
    ],
)  # fmt: skip
def test_what_is_secret_in_an_address_is_masked_by_itself(said: str) -> None:
    found = redact(said, [ADDRESS]).lower()
    assert all(part not in found for part in ("t0k3n", "abcd1234", "pa55word", "sig=q"))


def test_what_is_no_secret_stays_readable() -> None:
    said = "HTTP 404: this chat has no hooks; send messages to chat.example"
    assert redact(said, [ADDRESS]) == said


def test_of_several_addresses_each_is_masked() -> None:
    found = redact(
        "discord said no to wh00k/t0k3n and to pw99", ["discord://wh00k/t0k3n, mailto://a:pw99@b.example"]
    )
    assert not {"wh00k", "t0k3n", "pw99"} & set(found.replace("/", " ").split())


def test_a_short_secret_is_masked_where_it_stands_alone() -> None:
    assert redact("key abc, not abcd", ["abc"]) == "key ••••••, not abcd"

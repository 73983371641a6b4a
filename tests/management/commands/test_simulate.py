from collections.abc import Callable
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from tests.fixtures.fix_outside import Outside


def simulate(url: str, *words: str) -> str:
    out = StringIO()
    call_command("simulate", "--url", url, "--key", "vgl_x", *words, stdout=out)
    return out.getvalue()


def test_it_pushes_the_past_over_the_real_interfaces(outside: Callable[[], Outside]) -> None:
    server = outside()
    assert simulate(server.url, "--history", "30m").startswith("told ")
    assert {"/api/v1/generations", "/api/v1/write"} <= {request.path for request in server.received}
    assert {request.headers["authorization"] for request in server.received} == {"Bearer vgl_x"}


def test_a_wrong_key_is_said_and_not_tried_again(outside: Callable[[], Outside]) -> None:
    server = outside()
    server.always(401, {"status": "error", "error": "no valid API key"})
    with pytest.raises(CommandError, match="no valid API key"):
        simulate(server.url, "--history", "30m")
    assert len(server.received) == 1


@pytest.mark.parametrize("words", [("--rate", "0"), ("--rate", "1000"), ("--history", "yesterday")])
def test_nonsense_is_refused_before_anything_is_sent(
    words: tuple[str, str], outside: Callable[[], Outside]
) -> None:
    server = outside()
    with pytest.raises(CommandError):
        simulate(server.url, *words)
    assert server.received == []

import json
from collections.abc import Callable, Iterator

import pytest

from monitor.management.simulation import traffic
from monitor.management.simulation.player import BATCH, Player
from monitor.management.simulation.push import Pusher
from monitor.management.simulation.story import HOUR, MINUTE, Story
from tests.fixtures.fix_outside import Outside, Received

ANCHOR = 1_795_200_000.0


@pytest.fixture
def server(outside: Callable[[], Outside]) -> Outside:
    return outside()


@pytest.fixture
def player(server: Outside) -> Iterator[Player]:
    pusher = Pusher(server.url, "key", wait=lambda _: None)
    yield Player(Story(ANCHOR), pusher)
    pusher.close()


def calls_in(requests: list[Received]) -> list[str]:
    return [
        call["id"]
        for request in requests
        if request.path == "/api/v1/generations"
        for call in request.json["generations"]
    ]


def test_history_holds_every_call_that_was_over(player: Player, server: Outside) -> None:
    told = player.history(ANCHOR - HOUR, ANCHOR)
    expected = [
        call["id"]
        for call in traffic.calls(player.story, ANCHOR - HOUR, ANCHOR)
        if traffic.ended_at(call) <= ANCHOR
    ]
    assert calls_in(server.received) == expected
    assert told == len(expected)


def test_history_comes_in_bounded_batches(player: Player, server: Outside) -> None:
    player.history(ANCHOR - HOUR, ANCHOR)
    sizes = [
        len(request.json["generations"])
        for request in server.received
        if request.path == "/api/v1/generations"
    ]
    assert max(sizes) == BATCH


def test_live_goes_on_where_history_ended(player: Player, server: Outside) -> None:
    player.history(ANCHOR - HOUR, ANCHOR)
    for second in range(0, 240, 2):
        player.tick(ANCHOR + second)
    expected = {
        call["id"]
        for call in traffic.calls(player.story, ANCHOR - HOUR, ANCHOR + 238)
        if traffic.ended_at(call) <= ANCHOR + 238
    }
    assert set(calls_in(server.received)) == expected


def test_a_call_is_not_told_before_it_is_over(player: Player, server: Outside) -> None:
    for second in range(0, 120, 2):
        player.tick(ANCHOR + second)
        for request in server.received:
            if request.path == "/api/v1/generations":
                assert all(traffic.ended_at(call) <= ANCHOR + second for call in request.json["generations"])
        server.received.clear()


def test_another_player_after_a_crash_sends_the_same_calls_again(outside: Callable[[], Outside]) -> None:
    told: list[dict[str, object]] = []
    for _ in range(2):
        server = outside()
        Player(Story(ANCHOR), Pusher(server.url, "key")).tick(ANCHOR)
        told += [
            call
            for request in server.received
            if request.path == "/api/v1/generations"
            for call in request.json["generations"]
        ]
    half = len(told) // 2
    assert half > 0
    assert json.dumps(told[:half]) == json.dumps(told[half:])


def test_after_a_long_silence_only_ten_minutes_are_told(player: Player, server: Outside) -> None:
    player.tick(ANCHOR)
    server.received.clear()
    player.tick(ANCHOR + 5 * HOUR)
    starts = [
        call["started_at"]
        for request in server.received
        if request.path == "/api/v1/generations"
        for call in request.json["generations"]
    ]
    assert min(starts) >= ANCHOR + 5 * HOUR - 10 * MINUTE - traffic.LONGEST_SECONDS


def test_meters_are_pushed_every_fifteen_seconds(player: Player, server: Outside) -> None:
    for second in range(0, 60, 2):
        player.tick(ANCHOR + second)
    assert sum(request.path == "/api/v1/write" for request in server.received) == 4
    assert sum(request.path == "/api/v1/points" for request in server.received) == 4


def test_a_rating_follows_its_call(player: Player, server: Outside) -> None:
    player.history(ANCHOR - HOUR, ANCHOR)
    known: set[str] = set()
    rated: list[str] = []
    for request in server.received:
        if request.path == "/api/v1/generations":
            known |= set(calls_in([request]))
        elif request.path == "/api/v1/scores":
            rated += [score["generation_id"] for score in request.json["scores"]]
            assert set(rated) <= known
    assert 0.01 < len(rated) / len(known) < 0.06

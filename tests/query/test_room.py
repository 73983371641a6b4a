"""What questions hold together: room for all of them, a turn for each, and none left behind."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack

import numpy as np
import pytest
from django.test import Client
from pytest_django import Settings

from monitor import query
from monitor.core.histograms import HistogramRun
from monitor.core.labels import Labels
from monitor.core.samples import Selection, Series
from monitor.promql.errors import TooMuchError
from monitor.promql.values import Grid
from monitor.query import room
from monitor.query.room import BusyError, Room, Share
from tests.fixtures.fix_cast import Cast

MB = 1_000_000
PATIENCE_SECONDS = 30


@pytest.fixture
def hundred(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Room:
    """Room for 100 MB, ten of them for questions of up to 10 MB each."""
    settings.VIGIL_QUERY_MEMORY_MB = 100
    made = Room()
    monkeypatch.setattr(room, "room", made)
    monkeypatch.setattr(room, "FREE_BYTES", 10 * MB)
    monkeypatch.setattr(room, "WAIT_SECONDS", float(PATIENCE_SECONDS))
    return made


@pytest.fixture
def impatient(hundred: Room, monkeypatch: pytest.MonkeyPatch) -> Room:
    monkeypatch.setattr(room, "WAIT_SECONDS", 0.02)
    return hundred


class Asker(threading.Thread):
    """A question of its own thread that needs so much more, and says how that went."""

    def __init__(self, share: Share, size: int) -> None:
        super().__init__(daemon=True)
        self.share, self.size, self.ended = share, size * MB, ""
        self.start()

    def run(self) -> None:
        try:
            self.share.count(self.size)
            self.ended = "went on"
        except BusyError as error:
            self.ended = str(error)
            self.share.back(0)

    def outcome(self) -> str:
        self.join(PATIENCE_SECONDS)
        return self.ended


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def held(where: Room, size: int) -> Share:
    share = Share(where)
    share.count(size * MB)
    return share


def test_questions_that_fit_together_pass_and_what_they_held_is_free_again(hundred: Room) -> None:
    shares = [held(hundred, 45), held(hundred, 45)]
    assert hundred.held == 90 * MB
    for share in shares:
        share.back(0)
    assert (hundred.held, hundred.holders) == (0, [])


def test_what_turned_out_to_be_less_is_given_back(hundred: Room) -> None:
    one = held(hundred, 80)
    one.count(-30 * MB)
    assert hundred.held == 50 * MB


def test_one_that_does_not_fit_waits_until_another_has_ended(hundred: Room) -> None:
    first, second = held(hundred, 70), Asker(Share(hundred), 50)
    until(lambda: hundred.waiting)
    first.back(0)
    assert second.outcome() == "went on"


def test_who_waits_in_vain_is_told_why_and_what_to_do(impatient: Room) -> None:
    held(impatient, 70)
    said = Asker(Share(impatient), 50).outcome()
    assert said.startswith("other queries hold 70 of 100 MB; ask again in a moment")
    assert (impatient.held, impatient.waiting) == (70 * MB, [])


def test_a_small_one_passes_where_large_ones_hold_all_they_may(impatient: Room) -> None:
    held(impatient, 90)
    assert held(impatient, 9).held == 9 * MB
    assert impatient.held == 99 * MB


def test_small_ones_together_hold_no_more_than_there_is(impatient: Room) -> None:
    for _ in range(10):
        held(impatient, 10)
    said = Asker(Share(impatient), 1).outcome()
    assert said.startswith("other queries hold 100 of 100 MB; ask again in a moment")


def test_a_small_one_goes_before_a_large_one_that_came_first(hundred: Room) -> None:
    everything = [held(hundred, 10) for _ in range(10)]
    large = Asker(Share(hundred), 90)
    until(lambda: len(hundred.waiting) == 1)
    small = Asker(Share(hundred), 5)
    until(lambda: len(hundred.waiting) == 2)
    everything[0].back(0)
    assert small.outcome() == "went on"
    for share in [*everything, small.share]:
        share.back(0)
    assert large.outcome() == "went on"


def test_one_larger_than_all_the_room_is_refused_at_once_and_for_good(hundred: Room) -> None:
    with pytest.raises(TooMuchError, match=r"would hold 91 MB, more than the 90 MB .*VIGIL_QUERY_MEMORY_MB"):
        Share(hundred).count(91 * MB)


def test_who_came_first_goes_first(hundred: Room) -> None:
    first, large = held(hundred, 70), Asker(Share(hundred), 90)
    until(lambda: len(hundred.waiting) == 1)
    late = Asker(Share(hundred), 20)
    until(lambda: len(hundred.waiting) == 2)
    first.back(0)
    assert large.outcome() == "went on"
    assert late.is_alive()
    large.share.back(0)
    assert late.outcome() == "went on"


def test_where_all_wait_for_each_other_the_youngest_yields(hundred: Room) -> None:
    old, young = held(hundred, 45), held(hundred, 45)
    first, second = Asker(old, 30), Asker(young, 30)
    assert second.outcome().startswith("other queries hold")
    assert first.outcome() == "went on"
    assert hundred.held == 75 * MB


def test_no_more_than_a_dozen_take_the_threads_of_a_process(hundred: Room, settings: Settings) -> None:
    settings.VIGIL_QUERY_MEMORY_MB = 1_000
    for _ in range(room.PLACES):
        held(hundred, 11)
    assert Asker(Share(hundred), 11).outcome().startswith("12 large queries are under way")


def asked(*sizes: int) -> None:
    with room.share():
        for size in sizes:
            room.count(size * MB)


def test_a_question_that_fails_holds_nothing_afterwards(hundred: Room) -> None:
    with pytest.raises(TooMuchError):
        asked(50, 80)
    assert hundred.held == 0


def test_one_question_after_the_other_of_a_page_gives_back_what_it_took(hundred: Room) -> None:
    with room.share():
        room.count(20 * MB)
        for _ in range(9):
            with room.share():
                room.count(70 * MB)
        assert hundred.held == 20 * MB
    assert hundred.held == 0


def test_what_is_held_until_the_end_stays_with_the_answer(hundred: Room) -> None:
    with room.holding(until_end=True):
        with room.share():
            room.count(50 * MB)
        assert hundred.held == 50 * MB
    assert hundred.held == 0


def wide(selections: Sequence[Selection], _: int) -> list[list[Series]]:
    """4,000 series of one sample each: a matrix of a million cells at 250 steps."""
    one, at = np.array([1.0]), np.array([0])
    return [
        [Series(Labels({"__name__": "x", "n": str(n)}), at, one) for n in range(4_000)] for _ in selections
    ]


def test_cells_count(impatient: Room) -> None:
    held(impatient, 70)
    with pytest.raises(BusyError):
        query.ask(wide, "sum(x)", Grid(0, 249_000, 1_000), at_once=False)
    assert impatient.held == 70 * MB


def buckets(selections: Sequence[Selection], _: int) -> list[list[Series]]:
    """40 native histograms of 100 buckets: 4,000 buckets beside 40 rows."""
    one = np.ones(1)
    run = HistogramRun(
        np.array([0]), one, one, one, positive_index=np.arange(100), positive=np.ones((1, 100))
    )
    none = np.array([], dtype=np.int64), np.array([])
    return [
        [Series(Labels({"__name__": "x", "n": str(n)}), *none, (run,)) for n in range(40)] for _ in selections
    ]


def test_native_histograms_count_with_their_buckets(impatient: Room) -> None:
    held(impatient, 70)
    with pytest.raises(BusyError):
        query.ask(buckets, "sum(x)", Grid(0, 399_000, 1_000), at_once=False)
    assert impatient.held == 70 * MB


@pytest.fixture
def full(impatient: Room) -> Iterator[Room]:
    with ExitStack() as stack:
        stack.enter_context(room.holding())
        room.count(90 * MB)
        yield impatient


def test_over_http_it_is_busy_for_a_while_and_says_when_to_come_again(
    full: Room, client: Client, cast: Cast
) -> None:
    asked = {"query": "vector(1)", "start": "0", "end": "600000", "step": "60"}
    assert client.get("/api/v1/query_range", asked, headers=cast.bearer).status_code == 200
    held(full, 10)
    answer = client.get("/api/v1/query_range", asked, headers=cast.bearer)
    assert (answer.status_code, answer.json()["errorType"], answer["Retry-After"]) == (
        503,
        "unavailable",
        "5",
    )
    assert "other queries hold 100 of 100 MB" in answer.json()["error"]

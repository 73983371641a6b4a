"""The queue to a store elsewhere: in order, again until taken, nothing lost, what is refused counted."""

import datetime as dt
from collections.abc import Callable

import numpy as np
import pytest
from django.test import Client

from monitor import tasks
from monitor.core import clock
from monitor.core.labels import Labels
from monitor.ingest.protocols.remote_write import RemoteWrite
from monitor.outside.remote_write import HEADERS
from monitor.remote import read, ship
from monitor.remote.models import Shipping
from monitor.store.ageing import outgoing
from monitor.store.samples import append
from tests.fixtures.fix_cast import Cast
from tests.fixtures.fix_engines import connect
from tests.fixtures.fix_outside import Answer, Outside, Received
from tests.fixtures.remote_write import points

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("disconnected")]
Start = Callable[[], Outside]
SECOND = dt.timedelta(seconds=1)


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    outgoing.forget()


def samples(project_id: int, count: int, *, now: dt.datetime, name: str = "x") -> None:
    at = clock.to_ms(now)
    rows = [(Labels({"__name__": name, "i": str(n % 10)}), at + n // 10, float(n)) for n in range(count)]
    append.samples(project_id, rows, now=now)


def received(store: Outside) -> list[tuple[Labels, int, float]]:
    found = []
    for request in store.received:
        if request.path == "/api/v1/write":
            found += points(RemoteWrite().decode(request.body, HEADERS))
    return found


def test_samples_arrive_with_the_label_of_their_project(outside: Start, cast: Cast, now: dt.datetime) -> None:
    store = outside()
    remote = connect(store.url, histograms="native", label="tenant")
    samples(cast.project.id, 1, now=now)
    samples(cast.other.id, 1, now=now)
    done = ship.run(remote, now=now, seconds=5)
    at = clock.to_ms(now)
    wanted = [
        (Labels({"__name__": "x", "i": "0", "tenant": str(project.id)}), at, 0.0)
        for project in (cast.project, cast.other)
    ]
    assert sorted(received(store), key=repr) == sorted(wanted, key=repr)
    assert (done.sent, done.dropped, outgoing.length().batches) == (2, 0, 0)


def test_many_samples_go_in_several_requests(
    outside: Start, cast: Cast, now: dt.datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ship, "SAMPLES_PER_REQUEST", 100)
    store = outside()
    samples(cast.project.id, 2_050, now=now)
    ship.run(connect(store.url, histograms="native"), now=now, seconds=5)
    assert len(received(store)) == len(set(received(store))) == 2_050
    assert all(len(points(RemoteWrite().decode(one.body, HEADERS))) <= 205 for one in store.received)


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_store_that_is_away_is_tried_again_later_and_later(
    outside: Start, cast: Cast, now: dt.datetime, status: int
) -> None:
    store = outside()
    store.always(status, b"not now")
    remote = connect(store.url, histograms="native")
    samples(cast.project.id, 5, now=now)
    waits = []
    at = now
    for _ in range(4):
        ship.run(remote, now=at, seconds=5)
        state = Shipping.objects.get()
        assert state.retry_at is not None
        waits.append((state.retry_at - at).total_seconds())
        ship.run(remote, now=at, seconds=5)
        at = state.retry_at
    assert waits == [1, 2, 4, 8]
    assert len(store.received) == 4
    assert (state.away_since, outgoing.length().samples) == (now, 5)
    store.always(200, b"")
    ship.run(remote, now=at, seconds=5)
    state = Shipping.objects.get()
    assert (state.failures, state.away_since, state.last_error, outgoing.length().samples) == (0, None, "", 0)


def test_what_the_store_asks_for_is_waited_for(outside: Start, cast: Cast, now: dt.datetime) -> None:
    store = outside()
    store.always(429, b"", retry_after="20")
    samples(cast.project.id, 1, now=now)
    ship.run(connect(store.url, histograms="native"), now=now, seconds=5)
    assert Shipping.objects.get().retry_at == now + 20 * SECOND


def test_one_bad_sample_takes_no_other_with_it(outside: Start, cast: Cast, now: dt.datetime) -> None:
    """A store that refuses the whole request, as Prometheus does, loses the bad sample alone."""
    store = outside()

    def strict(request: Received) -> Answer:
        values = [value for *_, value in points(RemoteWrite().decode(request.body, HEADERS))]
        if 13.0 in values:
            store.received.remove(request)
            return Answer(400, b"out of order sample")
        return Answer(204, b"")

    store.respond = strict
    samples(cast.project.id, 50, now=now)
    done = ship.run(connect(store.url, histograms="native"), now=now, seconds=5)
    assert sorted(value for *_, value in received(store)) == [float(n) for n in range(50) if n != 13]
    assert (done.sent, done.dropped) == (49, 1)
    state = Shipping.objects.get()
    assert state.dropped == 1
    assert "out of order" in state.last_refusal


def test_a_store_that_refuses_everything_is_not_asked_for_ever(
    outside: Start, cast: Cast, now: dt.datetime
) -> None:
    store = outside()
    store.always(400, b"no")
    samples(cast.project.id, 500, now=now)
    done = ship.run(connect(store.url, histograms="native"), now=now, seconds=5)
    assert done.dropped == 500
    assert len(store.received) <= 2 * ship.HALVINGS + 1
    assert outgoing.length().samples == 0


def test_killed_between_the_answer_and_the_queue_it_sends_the_same_again(
    outside: Start, cast: Cast, now: dt.datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = outside()
    remote = connect(store.url, histograms="native")
    samples(cast.project.id, 30, now=now)

    def killed(_: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(outgoing, "remove", killed)
        with pytest.raises(SystemExit):
            ship.run(remote, now=now, seconds=5)
    ship.run(remote, now=now, seconds=5)
    assert len(received(store)) == 60
    assert len(set(received(store))) == 30


def test_a_full_queue_is_said_and_empties(
    outside: Start, cast: Cast, now: dt.datetime, client: Client, settings: pytest.FixtureRequest
) -> None:
    settings.METRICS_QUEUE_SAMPLES = 10  # type: ignore[attr-defined] # pytest-django's settings
    store = outside()
    remote = connect(store.url, histograms="native")

    def push() -> int:
        body = {"points": [{"name": "x", "labels": {"n": str(n)}, "value": 1} for n in range(10)]}
        answer = client.post("/api/v1/points", body, "application/json", headers=cast.bearer)
        outgoing.forget()
        return answer.status_code

    assert push() == 200
    assert push() == 503
    told = client.get("/readyz")
    assert (told.status_code, told["Retry-After"]) == (503, "5")
    # ten, and what the ledger says of them
    assert "11 samples wait for the series store" in told.json()["error"]
    ship.run(remote, now=now, seconds=5)
    outgoing.forget()
    assert push() == 200


def test_health_says_that_the_store_is_away(
    outside: Start, cast: Cast, now: dt.datetime, client: Client
) -> None:
    store = outside()
    connect(store.url, histograms="native")
    store.always(200, {"status": "success", "data": {}})
    read._asked.clear()
    assert client.get("/readyz").json()["status"] == "ok"
    store.always(503, b"gone")
    samples(cast.project.id, 5, now=now)
    read._asked.clear()
    told = client.get("/readyz")
    assert (told.status_code, told.json()["status"]) == (200, "series store away")
    assert told.json()["series_store"]["waiting_samples"] == 5
    assert "gone" in told.json()["series_store"]["error"]


def test_the_queue_has_meters(outside: Start, cast: Cast, now: dt.datetime, client: Client) -> None:
    samples(cast.project.id, 5, now=now)
    assert "vigil_queue" not in client.get("/metrics").content.decode()
    connect(outside().url, histograms="native")
    told = client.get("/metrics").content.decode()
    assert "vigil_queue_samples 5" in told
    assert "vigil_queue_oldest_seconds " in told


def test_the_tick_ships_and_compaction_rests(outside: Start, cast: Cast, now: dt.datetime) -> None:
    store = outside()
    samples(cast.project.id, 5, now=now - dt.timedelta(days=1))
    connect(store.url, histograms="native")
    tasks.compact()
    assert outgoing.length().samples == 5
    tasks.ship_samples()
    assert outgoing.length().samples == 0
    assert len(received(store)) == 5


def test_at_home_nothing_is_shipped(cast: Cast, now: dt.datetime) -> None:
    samples(cast.project.id, 5, now=now)
    tasks.ship_samples()
    assert outgoing.length().samples == 5
    assert np.isfinite(outgoing.length().batches)

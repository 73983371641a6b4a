"""Sums of an hour: the same whether its calls were read at once or in pieces."""

import datetime as dt

import numpy as np
import pytest

from monitor.drift import bodies, shelf
from monitor.drift.bodies import HOUR_MS, MOST_VALUES, REST, body_of, merged
from monitor.drift.channels import Window
from monitor.drift.engine import vectors
from monitor.drift.shelf import Shelf
from tests.fixtures.fix_calls import Push
from tests.fixtures.fix_cast import NOON, Cast

N = 400


def calls(values: int = 3) -> dict[str, np.ndarray]:
    chance = np.random.default_rng(3)
    nothing = np.full(N, "", dtype=object)
    numbers = {
        name: chance.lognormal(3, 1, N)
        for name in ("input_tokens", "output_tokens", "duration_seconds", "ttft_seconds")
    }
    return {
        "started_at": np.sort(chance.integers(0, HOUR_MS, N)), **numbers,
        "error": np.array(["timeout" if each < 0.1 else None for each in chance.random(N)], dtype=object), "mean_logprob": -chance.random(N),
        "tenant": np.array([f"t{n}" for n in chance.integers(0, values, N)], dtype=object),
        **dict.fromkeys(("finish_reason", "grounding", "language", "topic", "route"), nothing),
    }  # fmt: skip


def flat(body: bodies.Body) -> dict[str, object]:
    """Every number of it, rounded as sums in another order may differ."""
    return {
        f"{part} {name}": np.round(np.array(value, dtype=float), 6).tolist()
        if not isinstance(value, dict) else {key: np.round(each, 6).tolist() for key, each in sorted(value.items())}
        for part in ("numbers", "sliced", "shares", "rates")
        for name, value in getattr(body, part).items()
    } | {"spread": body.spread, "lengths": body.lengths, "calls": body.calls}  # fmt: skip


@pytest.mark.parametrize("values", [3, 200])
def test_parts_added_up_are_the_whole(values: int) -> None:
    whole = calls(values)
    parts = [{name: each[place] for name, each in whole.items()} for place in np.array_split(np.arange(N), 5)]
    assert flat(merged([body_of(one) for one in parts])) == flat(merged([body_of(whole)]))


def test_values_beyond_the_largest_are_one() -> None:
    body = merged([body_of(calls(200))])
    assert len(body.shares["tenant"]) == MOST_VALUES + 1
    assert sum(body.shares["tenant"].values()) == N
    assert body.shares["tenant"][REST] > 0


@pytest.mark.django_db
def test_an_hour_read_in_pieces_has_every_call_once(
    cast: Cast, push: Push, monkeypatch: pytest.MonkeyPatch
) -> None:
    push([
        {"at": NOON.replace(minute=place % 7, second=place % 60), "input_tokens": place + 1} for place in range(100)
    ])  # fmt: skip
    monkeypatch.setattr(shelf, "CALLS_AT_ONCE", 17)
    hour = int(NOON.timestamp()) // 3600
    (body,) = Shelf(cast.project.id, "qwen", NOON).window("v1", hour, hour + 1, part="calls").bodies
    assert body.calls == 100
    assert sum(body.lengths["prompt_length"][1]) == 100


@pytest.mark.django_db
def test_an_hour_is_the_same_read_alone_or_beside_a_busy_one(
    cast: Cast, push: Push, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shelf, "VECTORS_PER_HOUR", 30)
    monkeypatch.setattr(shelf, "DETAILS_PER_HOUR", 20)
    chance = np.random.default_rng(5)
    push([
        {
            "at": NOON - dt.timedelta(minutes=after), "embedding": chance.normal(size=3).tolist(),
            "attributes": {"heat": 1.0},
        }
        for n, after in ((90, 130), (20, 70))
        for after in np.linspace(after, after + 40, n).tolist()
    ])  # fmt: skip
    hour = int(NOON.timestamp()) // 3600
    by = shelf.Sorted("prompt", "given-3", vectors.find_clusters(chance.normal(size=(60, 3))))

    def read(first: int, part: str) -> Window:
        # so early that no hour is closed: nothing is kept between the two
        past = NOON - dt.timedelta(days=1)
        return Shelf(cast.project.id, "qwen", past).window("v1", first, hour - 1, part=part, clusters=by)

    alone, beside = (read(first, "calls") for first in (hour - 2, hour - 3))
    assert beside.bodies[1].numbers["number:heat"][0] == alone.bodies[0].numbers["number:heat"][0] == 20
    found = beside.vectors
    assert found is not None
    assert found.calls.tolist() == [30, 20]

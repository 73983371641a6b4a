"""Search finds exactly what reading every row would, newest first, page by page, in blocks and outside of them."""

import datetime as dt
import random

import pytest
from django.db import connection

from monitor.core import clock
from monitor.ingest import pipeline
from monitor.ingest.envelope import Batch, Generation
from monitor.store.calls import generations, grams, indexing, search
from monitor.store.calls.generations import Filter
from monitor.store.upkeep import retention
from tests.fixtures.fix_cast import Cast

pytestmark = pytest.mark.django_db
HOUR = dt.timedelta(hours=1)
# longer than any box shows, and the same but for its end
LONG = " ".join(f"part{n}" for n in range(200))
PLACES = {
    4: "斑马鱼在水里",
    12: "ＡＢＣＤ 🙂 50%_off o'brien \\n ẾẼẸ",
    13: f"{LONG} here",
    14: f"{LONG} there",
    777: "the Quokka jumps",
    778: "a quokka sleeps",
    3000: "حيوان الكوكا",
    4099: "クオッカ",
    4600: "quokka again",
}
COMMON = ["refund policy", "退货政策是什么", "contract", "how do I", "Müller said"]


@pytest.fixture(autouse=True)
def _small_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "NEWEST", 50)


@pytest.fixture
def stored(cast: Cast, now: dt.datetime) -> list[str]:
    """4700 calls, the oldest first; 4096 of them in a block, the rest noted."""
    dice = random.Random(2)
    prompts = [f"{PLACES.get(n, '')} {' '.join(dice.choices(COMMON, k=6))} {n}" for n in range(4700)]
    start = clock.to_ms(now - 2 * HOUR)
    calls = [
        Generation(model="m" if n % 2 else "k", id=f"call-{n}", prompt=prompt, started_ms=start + n * 1000)
        for n, prompt in enumerate(prompts)
    ]
    for at in range(0, len(calls), 2000):
        pipeline.take(cast.project.id, Batch(generations=calls[at : at + 2000]), now=now)
    assert indexing.run(now=now) == 1
    return prompts


def found(cast: Cast, now: dt.datetime, text: str, limit: int = 50, **more: str) -> list[int]:
    """The numbers of the calls on all pages."""
    wanted = Filter(cast.project.id, now - 3 * HOUR, now, text=text, **more)  # type: ignore[arg-type]
    numbers: list[int] = []
    before = None
    while True:
        page = generations.page(wanted, before=before, limit=limit)
        numbers += [int(one.client_id.removeprefix("call-")) for one in page]
        if len(page) < limit:
            return numbers
        before = page[-1].id


FOUND = {
    "quokka": [4600, 778, 777], "QUOKKA": [4600, 778, 777], "斑马": [4], "斑": [4], "الكوكا": [3000], "クオッカ": [4099],
    '"quokka jumps"': [777], "jumps quokka": [777], "“a quokka” sleeps": [778], "zebra": [], "q_okka": [],
    "call-3210": [3210], "100%": [], "müller zebra": [],
    "ＡＢＣＤ": [12], "ẾẼẸ": [12], "🙂": [12], "50%_off": [12], "o'brien": [12], "\\n": [12], "5_%": [], "马": [4],
    f'"{LONG} here"': [13], f'"{LONG} there': [14], f"{LONG} there"[-1000:]: [14, 13], "\u200fحيوان": [3000], "حيوان": [3000], '""': [],
}  # fmt: skip


def test_what_is_there_is_found_newest_first(stored: list[str], cast: Cast, now: dt.datetime) -> None:
    assert {text[-20:]: found(cast, now, text) for text in FOUND} == {
        text[-20:]: numbers for text, numbers in FOUND.items()
    }


def test_common_words_page_through_every_call_once(stored: list[str], cast: Cast, now: dt.datetime) -> None:
    expected = [n for n in range(4699, -1, -1) if "müller" in stored[n].lower() and "退货" in stored[n]]
    assert found(cast, now, "müller 退货", limit=500) == expected


def test_filters_narrow_what_is_found(stored: list[str], cast: Cast, now: dt.datetime) -> None:
    assert found(cast, now, "quokka", model="m") == [777]


def test_a_call_that_comes_late_is_found(stored: list[str], cast: Cast, now: dt.datetime) -> None:
    late = Generation(
        model="m", id="call-99999", prompt="numbat", started_ms=clock.to_ms(now - HOUR - HOUR / 2)
    )
    pipeline.take(cast.project.id, Batch(generations=[late]), now=now)
    assert found(cast, now, "numbat") == [99999]


def test_another_project_finds_nothing(stored: list[str], cast: Cast, now: dt.datetime) -> None:
    assert generations.page(Filter(cast.other.id, now - 3 * HOUR, now, text="quokka")) == []


def test_every_row_is_noted_or_in_a_block(stored: list[str], cast: Cast) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT ids FROM monitor_search_note UNION ALL SELECT ids FROM monitor_search_block")
        known = [one for (joined,) in cursor.fetchall() for one in indexing.split(bytes(joined))]
        cursor.execute("SELECT id FROM monitor_payload")
        assert sorted(known) == sorted(row[0] for row in cursor.fetchall())
    assert len(known) == 4700 > grams.ROWS


def test_blocks_go_with_the_rows_they_name(stored: list[str], cast: Cast, now: dt.datetime) -> None:
    retention.run(now=now + dt.timedelta(days=40), days=30)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT count(*) FROM monitor_search_note) + (SELECT count(*) FROM monitor_search_block)"
        )
        assert cursor.fetchone()[0] == 0


def test_words_and_phrases() -> None:
    assert search.terms('refund "next year" 退货 "') == ["refund", "next year", "退货", '"']
    assert search.terms("  ") == []

import datetime as dt

import pytest

from dashboards.pages import senders
from monitor.core.clock import to_ms
from monitor.ingest import pipeline
from monitor.ingest import senders as names
from monitor.ingest.accounts import Account
from monitor.ingest.envelope import Batch, Generation, Reason, Source
from tests.fixtures.fix_cast import Cast
from tests.fixtures.fix_world import Look


@pytest.fixture(autouse=True)
def _fresh() -> None:
    names.forget()


def send(cast: Cast, at: dt.datetime, first: int, sender: str = "shop", *, drops: int = 0) -> None:
    batch = Batch(
        generations=[
            Generation(model="m", version="v1", id=f"{sender}-{first + place}", started_ms=to_ms(at))
            for place in range(3)
        ],
        source=Source(sender, "otel 1.37"),
    )
    for place in range(drops):
        batch.ignore(3 + place, Reason.NOT_LLM)
    pipeline.take(cast.project.id, batch, now=at)


def test_each_sender_has_its_account_of_the_time_range(look: Look, cast: Cast, now: dt.datetime) -> None:
    send(cast, now - dt.timedelta(hours=2), 0)
    send(cast, now - dt.timedelta(minutes=30), 1, drops=2)
    send(cast, now - dt.timedelta(hours=2), 0, "billing")
    shop, billing = look("senders").context["rows"]
    assert (shop.account.sent, shop.account.stored, shop.account.duplicates) == (5, 1, 2)
    assert dict(shop.account.dropped) == {"not_llm": 2}
    assert (billing.account.sender, billing.account.sent, billing.state) == ("billing", 0, "unknown")


def test_what_calls_do_not_say_is_told(look: Look, cast: Cast, now: dt.datetime) -> None:
    send(cast, now - dt.timedelta(minutes=30), 0)
    missing = dict(look("senders").context["rows"][0].missing)
    assert missing["ttft_seconds"] == 1.0
    assert "version" not in missing


def test_the_last_time_is_known_to_a_minute(look: Look, cast: Cast, now: dt.datetime) -> None:
    send(cast, now - dt.timedelta(minutes=30), 0)
    last = look("senders").context["rows"][0].account.last_ms
    assert 0 <= last - to_ms(now - dt.timedelta(minutes=30)) <= 60_000


@pytest.mark.parametrize(
    ("dropped", "state"), [({}, "good"), ({"not_llm": 5}, "good"), ({"not_llm": 5, "invalid": 1}, "bad")]
)
def test_only_what_the_sender_should_mend_is_bad(dropped: dict[str, int], state: str) -> None:
    account = Account("a", "b", 0, stored=1)
    account.dropped.update(dropped)
    assert senders.row(account, 60.0).state == state

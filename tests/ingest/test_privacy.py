"""A person who asks for it is forgotten everywhere; the numbers stay."""

import datetime as dt
import uuid
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection

from monitor.core import clock
from monitor.ingest import calls
from monitor.ingest.verify import verify
from monitor.people import trail
from monitor.quality.credit.models import ScoringEngine, ScoringRequest
from monitor.quality.models import GoldenItem, Judge, JudgeClaim, Label
from monitor.store import ids
from monitor.store.calls import pieces
from monitor.store.samples import increments
from tests.fixtures.fix_calls import Push
from tests.fixtures.fix_cast import Cast

pytestmark = pytest.mark.django_db


def forget(user: str) -> str:
    out = StringIO()
    call_command("forget", "--project", "shop", "--user", user, stdout=out)
    return out.getvalue()


def count(statement: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return int(cursor.fetchone()[0])


def test_texts_vectors_and_links_of_one_person_go_and_others_stay(push: Push, cast: Cast) -> None:
    mine, theirs = push([
        {"user": "u-1", "session": "s-1", "prompt": "my secret wish", "embedding": [0.1, 0.2]},
        {"user": "u-2", "session": "s-2", "prompt": "another wish", "embedding": [0.1, 0.2]},
    ])  # fmt: skip
    assert forget("u-1").startswith("1 calls: 1 texts, 1 vectors")
    gone, there = calls.one(cast.project.id, mine), calls.one(cast.project.id, theirs)
    assert gone is not None
    assert there is not None
    assert (gone.prompt, gone.output, gone.summary.session) == ("", "", "")
    assert (there.prompt, there.summary.session) == ("another wish", "s-2")
    assert count("SELECT count(*) FROM monitor_generation WHERE user_hash IS NOT NULL") == 1


def test_what_is_counted_still_agrees(push: Push, cast: Cast) -> None:
    push([{"user": "u-1", "duration_seconds": 1.0}] * 5)
    forget("u-1")
    assert verify(cast.project.id).agrees


def test_what_judges_and_people_wrote_goes_too(push: Push, cast: Cast, now: dt.datetime) -> None:
    (mine,) = push([{"user": "u-1"}])
    judge = Judge.objects.create(project=cast.project, name="helpful")
    GoldenItem.objects.create(judge=judge, generation_id=mine, prompt="why?", value=3, added_at=now)
    Label.objects.create(
        judge=judge, generation_id=mine, rater="ada", value=3, reason="she said", made_at=now
    )
    assert "2 rows of judges and labels" in forget("u-1")
    assert not GoldenItem.objects.exists()
    assert Label.objects.get().reason == ""


def test_what_an_engine_said_of_the_answer_and_what_a_judge_choked_on_go_too(
    push: Push, cast: Cast, now: dt.datetime
) -> None:
    mine, theirs = push([{"user": "u-1"}, {"user": "u-2"}])
    engine = ScoringEngine.objects.create(
        project=cast.project, name="vllm", url="http://vllm/v1", served_model="m"
    )
    judge = Judge.objects.create(project=cast.project, name="helpful", last_error="said: my secret wish")
    for one in (mine, theirs):
        ScoringRequest.objects.create(
            project=cast.project,
            generation_id=one,
            engine=engine,
            asked_at=now,
            body={"tokens": [["wish", 0.1]]},
        )
        JudgeClaim.objects.create(judge=judge, generation_id=one, claimed_at=now, error="no JSON: my wish")
    forget("u-1")
    assert [row.generation_id for row in ScoringRequest.objects.all()] == [theirs]
    assert {row.generation_id: row.error for row in JudgeClaim.objects.all()} == {
        mine: "",
        theirs: "no JSON: my wish",
    }
    assert Judge.objects.get().last_error == ""


def test_the_sender_s_own_id_and_waiting_pieces_of_the_trace_go_too(
    push: Push, cast: Cast, now: dt.datetime
) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    (mine,) = push([{"user": "u-1", "trace_id": trace}])
    for number, name in enumerate((trace, "1" * 32)):
        key = ids.client_key(cast.project.id, ids.span_id(name, "b7ad6b7169203331"))
        row = pieces.PieceRow(key, uuid.UUID(int=number), 0, 0, "{}")
        pieces.put(cast.project.id, [row], lambda _: increments.of_counts([], now=now), now=now)
    forget("u-1")
    gone = calls.one(cast.project.id, mine)
    assert gone is not None
    assert (gone.summary.client_id, gone.summary.trace_id) == ("", "")
    assert count("SELECT count(*) FROM monitor_piece") == 1


def test_marks_that_the_person_gave_stand_without_the_name(push: Push, cast: Cast, now: dt.datetime) -> None:
    (theirs,) = push([{"user": "u-2"}])
    calls.rate(cast.project.id, theirs, 4.0, "as I said", "u-1", now=now)
    forget("u-1")
    assert count("SELECT count(*) FROM monitor_score WHERE author = '' AND reason = '' AND value = 4") == 1


def test_that_somebody_was_forgotten_is_in_the_trail_and_nobody_is_named(push: Push, cast: Cast) -> None:
    push([{"user": "u-1"}])
    forget("u-1")
    now = clock.now()
    (entry,) = trail.entries(cast.project.id, now - dt.timedelta(hours=1), now + dt.timedelta(hours=1))
    assert entry.changes["forgotten"][1].startswith("1 calls")
    assert "u-1" not in repr(entry)


def test_a_person_nobody_knows_changes_nothing(push: Push, cast: Cast) -> None:
    push([{"user": "u-1"}])
    assert forget("nobody").startswith("0 calls")
    assert count("SELECT count(*) FROM monitor_payload") == 1


def test_the_same_person_in_another_project_is_another(push: Push, cast: Cast) -> None:
    push([{"user": "u-1"}], project_id=cast.other.id)
    assert forget("u-1").startswith("0 calls")

"""A person who asks for it is forgotten everywhere; the numbers stay."""

import datetime as dt
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection

from monitor.ingest import calls
from monitor.ingest.verify import verify
from monitor.quality.models import GoldenItem, Judge, Label
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


def test_a_person_nobody_knows_changes_nothing(push: Push, cast: Cast) -> None:
    push([{"user": "u-1"}])
    assert forget("nobody").startswith("0 calls")
    assert count("SELECT count(*) FROM monitor_payload") == 1


def test_the_same_person_in_another_project_is_another(push: Push, cast: Cast) -> None:
    push([{"user": "u-1"}], project_id=cast.other.id)
    assert forget("u-1").startswith("0 calls")

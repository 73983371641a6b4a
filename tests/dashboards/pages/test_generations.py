import datetime as dt
from collections.abc import Sequence
from uuid import UUID

import pytest
from django.test import Client

from monitor.store.calls import scores
from monitor.store.calls.scores import ScoreRow
from tests.fixtures.fix_calls import Push
from tests.fixtures.fix_cast import Cast
from tests.fixtures.fix_world import Look


def test_the_newest_call_stands_first(look: Look, world: Sequence[UUID]) -> None:
    assert look("generations").context["calls"][0].id == world[-1]


def test_the_next_page_goes_on_where_this_one_ends(look: Look, world: Sequence[UUID]) -> None:
    first = look("generations").context
    before = first["next"].rpartition("before=")[2]
    second = look("generations", before=before).context["calls"]
    assert second[0].id == world[-51]


@pytest.mark.parametrize("params, n", [
    ({"errors": "1"}, 10), ({"version": "v2"}, 40), ({"q": "rule 17?"}, 2), ({"q": '"rule 17?"'}, 1), ({"q": "17? rule"}, 2), ({"slower": "4"}, 8),
    ({"topic": "none"}, 0), ({"slower": "soon"}, 50), ({"before": "x"}, 50), ({"q": "%"}, 0), ({"q": "\0"}, 50),
])  # fmt: skip
def test_a_filter_narrows_the_list(look: Look, world: object, params: dict[str, str], n: int) -> None:
    assert len(look("generations", **params).context["calls"]) == n


def test_what_was_sought_is_marked(look: Look, world: object) -> None:
    assert "<mark>RULE</mark>" in look("generations", q="RULE").content.decode().replace(
        "<mark>rule</mark>", "<mark>RULE</mark>"
    )


def test_the_box_keeps_what_was_sought(look: Look, world: object) -> None:
    assert 'name="q" value="rule"' in look("generations", q="rule").content.decode()


def test_a_filter_that_is_on_can_be_taken_away(look: Look, world: object) -> None:
    chips = look("generations", topic="rules").context["chips"]
    assert [str(chip["name"]) for chip in chips] == ["topic"]
    assert "topic" not in chips[0]["without"]


def test_a_call_opens_with_its_redactions_marked(look: Look, world: Sequence[UUID]) -> None:
    assert "<mark>‹email:1›</mark>" in look(f"generations/{world[0]}").content.decode()


def test_each_sentence_is_tinted_by_its_support(look: Look, world: Sequence[UUID]) -> None:
    shown = look(f"generations/{world[1]}").content.decode()
    assert 'class="g-supported"' in shown
    assert 'class="g-unsupported' in shown


def test_the_documents_beside_say_which_sentences_they_support(look: Look, world: Sequence[UUID]) -> None:
    (document,) = look(f"generations/{world[1]}").context["grounds"]["documents"]
    assert (document.number, document.sentences) == (1, (1,))


def test_a_call_without_retrieval_has_no_documents(look: Look, world: Sequence[UUID]) -> None:
    assert look(f"generations/{world[0]}").context["grounds"] is None


def test_an_unlikely_token_stands_out(look: Look, world: Sequence[UUID]) -> None:
    assert '<span class="r3" title="5%">' in look(f"generations/{world[0]}").content.decode()


def test_a_call_of_another_project_is_not_found(look: Look, world: Sequence[UUID], cast: Cast) -> None:
    assert look(f"generations/{world[0]}", cast.cy, project="other").status_code == 404


def test_a_mark_is_stored_under_the_name_of_who_gave_it(
    client: Client, cast: Cast, look: Look, world: Sequence[UUID]
) -> None:
    client.force_login(cast.ada)
    answer = client.post(f"/p/shop/generations/{world[0]}/", {"mark": "4", "reason": "short"})
    scores.put(
        cast.project.pk,
        [ScoreRow(world[0], "tone", "human", 2.0, "", "ada, ben")],
        now=cast.project.created_at,
    )
    shown = look(f"generations/{world[0]}").context
    mark = next(one for one in shown["whole"].scores if one.name == "quality")
    assert shown["mine"] == 4.0
    assert answer.status_code == 302
    assert (mark.value, mark.source, mark.author, mark.reason) == (4.0, "human", "ada", "short")


def test_a_viewer_may_not_mark(client: Client, cast: Cast, world: Sequence[UUID]) -> None:
    client.force_login(cast.ben)
    assert client.post(f"/p/shop/generations/{world[0]}/", {"mark": "4"}).status_code == 403


@pytest.mark.parametrize("mark", ["6", "-1", "x", ""])
def test_a_mark_outside_the_scale_is_refused(
    client: Client, cast: Cast, world: Sequence[UUID], mark: str
) -> None:
    client.force_login(cast.ada)
    assert client.post(f"/p/shop/generations/{world[0]}/", {"mark": mark}).status_code == 404


def test_two_answers_are_compared_word_by_word(look: Look, push: Push) -> None:
    one, other = push([{"output": "It takes three days."}, {"output": "It takes nine days."}])
    context = look("generations/diff", a=str(one), b=str(other)).context
    assert [[piece.text for piece in side["output"] if piece.mark] for side in context["both"]] == [
        ["three"],
        ["nine"],
    ]


def test_a_comparison_with_a_call_that_is_not_there_is_not_found(look: Look, push: Push) -> None:
    (one,) = push([{}])
    assert look("generations/diff", a=str(one), b="nonsense").status_code == 404


def test_a_session_is_told_in_its_order(look: Look, push: Push, now: dt.datetime) -> None:
    at = now - dt.timedelta(minutes=9)
    made = push(
        [
            {"session": "s1", "at": at + dt.timedelta(minutes=2 * n), "duration_seconds": 60.0, "input_tokens": 5,
             "output_tokens": 2, "error": "timeout" if n == 2 else None}
            for n in (2, 0, 1)
        ]
    )  # fmt: skip
    push([{"session": "s2"}])
    context = look("generations/session", id="s1", call=str(made[0])).context
    assert [turn["call"].id for turn in context["calls"]] == [made[1], made[2], made[0]]
    assert (context["lasted"], context["failed"], context["tokens"]) == (300.0, 1, 21)
    assert [turn["pause"] for turn in context["calls"]] == [0, 60, 60]


def test_a_call_leads_to_its_session(look: Look, push: Push) -> None:
    (one,) = push([{"session": "s 1"}])
    assert "generations/session/?from=" in look(f"generations/{one}").content.decode()

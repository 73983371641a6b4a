import json

from monitor.alerting.receivers.teams import Teams
from tests.kits import receiver as kit


def test_the_card_is_what_a_workflow_takes() -> None:
    body = Teams({"url": "https://x.example"}).body(kit.FIRING)
    (attachment,) = body["attachments"]
    card = attachment["content"]
    assert (body["type"], attachment["contentType"]) == ("message", "application/vnd.microsoft.card.adaptive")
    assert (card["type"], card["body"][0]["color"]) == ("AdaptiveCard", "attention")
    assert all(action["type"] == "Action.OpenUrl" for action in card["actions"])


def test_the_whole_card_is_small_enough() -> None:
    body = Teams({"url": "https://x.example"}).body(kit.HUGE)
    assert len(json.dumps(body, ensure_ascii=False).encode()) <= Teams.limit_bytes


def test_what_people_wrote_is_no_markup() -> None:
    body = Teams({"url": "https://x.example"}).body(kit.NASTY)
    assert r"\*\*bold\*\*" in json.dumps(body, ensure_ascii=False).replace("\\\\", "\\")

from monitor.alerting.receivers.slack import Slack
from tests.kits import receiver as kit


def test_the_attachment_has_title_text_and_colour() -> None:
    (attachment,) = Slack({}).body(kit.FIRING)["attachments"]
    assert attachment["title"] == "🔴 [告警 FIRING:1] HighLatency · shop"
    assert attachment["color"] == "#c62828"
    assert "*级别 Severity*: critical" in attachment["text"]
    assert "<http://vigil.example/p/shop/alerts/|查看告警 Open alerts>" in attachment["text"]


def test_no_label_can_mention_people() -> None:
    (attachment,) = Slack({}).body(kit.message(kit.alert(text="<!channel>")))["attachments"]
    assert "&lt;!channel&gt;" in attachment["text"]


def test_a_channel_is_named_only_when_it_is_set() -> None:
    assert "channel" not in Slack({"channel": ""}).body(kit.FIRING)
    assert Slack({"channel": "#ops"}).body(kit.FIRING)["channel"] == "#ops"

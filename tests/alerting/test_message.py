from urllib.parse import parse_qs, urlsplit

import pytest

from monitor.alerting import matching
from monitor.alerting.wording import Language
from tests.kits import receiver as kit


@pytest.mark.parametrize("language, title, first", [
    ("both", "[告警 FIRING:1] HighLatency · shop", "项目 Project"),
    ("zh", "[告警:1] HighLatency · shop", "项目"),
    ("en", "[FIRING:1] HighLatency · shop", "Project"),
])  # fmt: skip
def test_words_are_in_the_contacts_language(language: Language, title: str, first: str) -> None:
    message = kit.message(language=language)
    assert (message.title, message.facts[0][0]) == (title, first)


def test_an_annotation_in_the_contacts_language_is_preferred() -> None:
    one = kit.alert()
    one["annotations"] |= {"summary_en": "model is slow", "summary_zh": "模型变慢"}
    said = [kit.message(one, language=language).alerts[0].summary for language in ("zh", "en", "both")]
    assert said == ["模型变慢", "model is slow", "模型变慢 model is slow"]


def test_the_value_stands_beside_its_limit_and_its_siblings() -> None:
    one = kit.alert() | {"limit": "> 0.5", "siblings": "v1: 0.3"}
    found = dict(kit.message(one, language="en").alerts[0].findings)
    assert found == {"Value": "0.7 (limit > 0.5)", "Other versions": "v1: 0.3"}


def test_links_lead_to_the_alerts_the_chart_the_calls_and_a_silence() -> None:
    links = dict(kit.message(kit.alert(model="通义"), language="en").links)
    assert links["Open alerts"] == "http://vigil.example/p/shop/alerts/"
    assert parse_qs(urlsplit(links["Open the calls"]).query) == {"model": ["通义"], "version": ["v2"]}
    assert links["Open the calls"].startswith("http://vigil.example/p/shop/generations/?")
    (asked,) = parse_qs(urlsplit(links["Silence"]).query)["matchers"]
    assert matching.all_match(matching.parse(asked), kit.alert(model="通义")["labels"])


def test_what_is_over_needs_no_silence() -> None:
    assert "Silence" not in dict(kit.message(kit.alert(firing=False), language="en").links)


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "data:text/html,x", "ftp://x", "http://h/" + "x" * 3000]
)
def test_links_that_nobody_should_follow_are_left_out(link: str) -> None:
    one = kit.alert()
    one["link"] = one["annotations"]["runbook_url"] = link
    assert set(dict(kit.message(one, language="en").links)) == {"Open alerts", "Open the calls", "Silence"}


def test_what_was_found_out_is_said_unless_the_rule_says_it() -> None:
    one = kit.alert() | {
        "known": {"top_slice_en": "version=v2: 90%", "top_slice_zh": "version=v2：占变化的 90%"}
    }
    assert dict(kit.message(one, language="en").alerts[0].findings)["Mostly in"] == "version=v2: 90%"
    one["annotations"] |= {"top_slice": "the new cache"}
    assert dict(kit.message(one, language="en").alerts[0].findings)["Mostly in"] == "the new cache"

import html
import re

from hypothesis import given
from hypothesis import strategies as st

from monitor.alerting.rendering import Style, in_bytes, in_utf16, markup, rich
from tests.kits import receiver as kit

TAGS = Style(
    escape=html.escape,
    bold=("<b>", "</b>"),
    link=lambda text, url: f"<a>{text} {html.escape(url)}</a>",
    line="\n",
)
ALERTS = st.lists(
    st.builds(
        lambda name, text, summary: kit.alert(name, text=text, pod=summary),
        st.text(min_size=1, max_size=30), st.text(max_size=3000), st.text(max_size=500),
    ),
    min_size=1, max_size=14,
)  # fmt: skip


@given(ALERTS, st.integers(700, 20_000))
def test_no_text_is_too_long_and_no_markup_is_cut(alerts: list[dict[str, object]], limit: int) -> None:
    text = markup(kit.message(*alerts), TAGS, limit=limit)
    assert in_bytes(text) <= limit
    assert all(text.count(f"<{tag}>") == text.count(f"</{tag}>") for tag in "ab")


@given(ALERTS, st.integers(700, 20_000))
def test_every_alert_is_shown_or_counted(alerts: list[dict[str, object]], limit: int) -> None:
    text = markup(kit.message(*alerts, language="en"), TAGS, limit=limit)
    hidden = re.search(r"… and (\d+) more", text)
    assert text.count("🔴") + int(hidden[1] if hidden else 0) == len(alerts)


def test_a_letter_counts_what_it_leaves_out() -> None:
    assert "… 另有 50 条 / and 50 more" in rich(kit.HUGE)


def test_telegram_counts_as_javascript_does() -> None:
    assert [in_utf16(text) for text in ("a", "中", "🔴")] == [1, 1, 2]

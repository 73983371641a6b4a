"""The pages as a person meets them: drawn, quiet on the console, fitting the window, led by the keyboard."""

import pytest

from dashboards.pages import PAGES
from tests.fixtures.fix_browser import Viewer
from tests.fixtures.fix_cast import Cast
from tests.fixtures.fix_release import Open

pytestmark = pytest.mark.browser

CHART = "#plot-latency"
# what a narrow window may break
NARROW = ("button-name", "link-name", "select-name", "scrollable-region-focusable", "target-size")
# what the people and the model of this world write, in English on every page
WRITTEN = ("What is rule", "Rule one says", "The moon is")
IN_SIGHT = "document.querySelector('.rail [aria-current]').getBoundingClientRect().right <= innerWidth"
# a start, a list, a form, and those of other libraries' models
ADMIN = (
    "",
    "monitor/contact/",
    "monitor/rule/add/",
    "auth/user/",
    "monitor/judge/add/?kind=business_rule",
    "usersessions/usersession/",
)
RANGE = f"document.querySelector('{CHART}').layout.xaxis.range.map(Math.round)"


def test_every_page_opens_quietly_in_two_languages_at_a_desk_and_in_a_pocket(
    viewer: Viewer, world: object
) -> None:
    """One walk for all pages: each at a desk in one language and in a pocket in the other, the next the other way."""
    faults: dict[str, list[object]] = {}
    for place, page in enumerate(PAGES):
        languages = ("en", "zh-hans") if place % 2 else ("zh-hans", "en")
        found = [*_desk(viewer, page, languages[0]), *_pocket(viewer, page, languages[1]), *viewer.trouble]
        viewer.trouble.clear()
        if found:
            faults[page] = found
    assert faults == {}


def _desk(viewer: Viewer, page: str, language: str) -> list[object]:
    viewer.page.set_viewport_size({"width": 1440, "height": 900})
    viewer.page.emulate_media(color_scheme="light")
    found = [*_opened(viewer, page, language), *viewer.barriers()]
    viewer.page.emulate_media(color_scheme="dark")
    return [*found, *viewer.barriers("color-contrast")]


def _pocket(viewer: Viewer, page: str, language: str) -> list[object]:
    viewer.page.set_viewport_size({"width": 390, "height": 844})
    found = _opened(viewer, page, language)
    if not viewer.page.evaluate(IN_SIGHT):
        found.append("its entry in the menu is out of sight")
    return [*found, *viewer.barriers(*NARROW)]


def _opened(viewer: Viewer, page: str, language: str) -> list[object]:
    """What is wrong with the page as it stands there, at first sight."""
    viewer.speak(language)
    status, found = viewer.open(page), list[object](viewer.moved())
    if status != 200:
        found.append(status)
    if viewer.overflow():
        found.append(f"{viewer.overflow()} pixels wider than the window")
    if language != "en":
        found += [text for text in viewer.untranslated() if not any(said in text for said in WRITTEN)]
    return found


def test_a_release_is_read_in_a_pocket_without_a_jump(viewer: Viewer, release: Open) -> None:
    viewer.page.set_viewport_size({"width": 390, "height": 844})
    found, where = [], f"releases/{release().pk}"
    for language in ("en", "zh-hans"):
        viewer.speak(language)
        viewer.open(where)
        # of a time it is known before the page is drawn how it reads where the viewer is
        found += [*viewer.moved(0.001), *viewer.barriers()]
    assert [*found, *viewer.trouble] == []


def test_the_administration_opens_quietly_in_two_languages(viewer: Viewer, cast: Cast) -> None:
    faults: dict[str, list[object]] = {}
    for place, path in enumerate(ADMIN):
        viewer.speak(("en", "zh-hans")[place % 2])
        viewer.page.emulate_media(color_scheme=("light", "dark")[place // 2 % 2])
        answer = viewer.page.goto(f"{viewer.url}/admin/{path}")
        viewer.page.wait_for_load_state("networkidle")
        found = [*viewer.barriers(), *viewer.trouble, *([] if answer.status == 200 else [answer.status])]
        if place % 2:
            found += viewer.untranslated()
        if found:
            faults[path] = found
        viewer.trouble.clear()
    assert faults == {}


def test_a_person_signs_in_through_the_form(viewer: Viewer) -> None:
    viewer.page.context.clear_cookies()
    viewer.page.goto(f"{viewer.url}/p/shop/settings/")
    viewer.page.fill("input[name=username]", "ada")
    viewer.page.fill("input[name=password]", "ada-ada-ada")
    viewer.page.click("main button")
    viewer.page.wait_for_url("**/p/shop/settings/")
    assert viewer.trouble == []


def test_a_call_opens_quietly(viewer: Viewer, world: list[object]) -> None:
    assert viewer.open(f"generations/{world[1]}") == 200
    assert viewer.barriers() == []
    assert viewer.trouble == []


def test_a_comparison_goes_onto_paper_and_into_pictures(viewer: Viewer, world: object) -> None:
    viewer.open("compare/report")
    viewer.until("document.querySelectorAll('.js-plotly-plot').length >= 8")
    assert viewer.barriers() == []
    viewer.open("compare")
    viewer.page.click("summary:has-text('Take along')")
    with viewer.page.expect_download() as download:
        viewer.page.click("[data-png]")
    assert download.value.suggested_filename == "shop-compare.png"
    assert viewer.trouble == []


def test_charts_are_drawn_and_have_a_table_behind_them(viewer: Viewer, world: object) -> None:
    viewer.open("compare")
    viewer.page.wait_for_selector(f"{CHART}.js-plotly-plot")
    viewer.page.click("#behind-latency summary")
    viewer.page.wait_for_selector("#behind-latency tr:nth-child(6)")


def test_a_refresh_keeps_the_zoom(viewer: Viewer, world: object) -> None:
    viewer.open("compare")
    viewer.page.wait_for_selector(f"{CHART}.js-plotly-plot")
    viewer.page.evaluate(f"Plotly.relayout(document.querySelector('{CHART}'), {{'xaxis.range': [-1, 1]}})")
    viewer.page.evaluate("document.querySelector('[data-part=latency]').dataset.digest = 'old'")
    viewer.page.keyboard.press("r")
    viewer.page.wait_for_selector("[data-part=latency]:not([data-digest=old])")
    assert viewer.page.evaluate(RANGE) == [-1, 1]


def test_a_part_that_changed_is_replaced_in_place(viewer: Viewer, world: object) -> None:
    viewer.open("overview")
    forget = "document.querySelector('[data-part=tiles]').dataset.digest = 'old'"
    viewer.page.evaluate(forget + "; document.querySelector('[data-part=tiles]').innerHTML = ''")
    viewer.page.keyboard.press("r")
    viewer.page.wait_for_selector("[data-part=tiles] .tile")


def test_the_keyboard_leads_to_pages_and_to_help(viewer: Viewer, world: object) -> None:
    viewer.open("overview")
    viewer.page.keyboard.press("?")
    assert viewer.page.locator("#help").is_visible()
    viewer.page.keyboard.press("Escape")
    viewer.page.wait_for_selector("#help", state="hidden")
    viewer.page.keyboard.press("g")
    viewer.page.keyboard.press("e")
    viewer.page.wait_for_selector("h1:has-text('Explore')", timeout=8000)


def test_the_theme_stays_as_chosen(viewer: Viewer, world: object) -> None:
    viewer.open("overview")
    before = viewer.page.evaluate("getComputedStyle(document.body.parentElement).backgroundColor")
    viewer.page.click("[data-do=theme]")
    viewer.open("overview")
    assert viewer.page.evaluate("getComputedStyle(document.body.parentElement).backgroundColor") != before


def test_the_pages_speak_chinese(viewer: Viewer, world: object) -> None:
    viewer.open("overview")
    viewer.page.click("button[value=zh-hans]")
    viewer.page.wait_for_selector("h1:has-text('总览')")


def test_a_time_is_written_in_the_zone_of_the_viewer(viewer: Viewer, world: object) -> None:
    viewer.open("generations")
    assert "UTC" not in viewer.page.locator("td time").first.inner_text()


def test_a_cross_hair_is_shared_by_the_charts_of_a_page(viewer: Viewer, world: object) -> None:
    viewer.open("overview")
    viewer.page.wait_for_selector("#plot-overview-errors.js-plotly-plot")
    viewer.page.locator("#plot-overview-p99 .nsewdrag").first.hover()
    viewer.page.wait_for_selector("#plot-overview-errors .hoverlayer .spikeline", state="attached")
    assert viewer.trouble == []


def test_dragging_over_a_chart_sets_the_time_of_the_page(viewer: Viewer, world: object) -> None:
    viewer.open("overview")
    viewer.page.wait_for_selector("#plot-overview-p99.js-plotly-plot")
    before = viewer.page.url
    box = viewer.page.locator("#plot-overview-p99 .nsewdrag").first.bounding_box()
    viewer.page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + 30)
    viewer.page.mouse.down()
    viewer.page.mouse.move(box["x"] + box["width"] * 0.7, box["y"] + 32, steps=8)
    with viewer.page.expect_navigation():
        viewer.page.mouse.up()
    assert "from=" in viewer.page.url
    assert viewer.page.url != before

from dashboards.ask import AskError
from dashboards.pages.explore import fault
from tests.fixtures.fix_world import Look


def test_an_answer_says_what_it_cost(look: Look, world: object) -> None:
    context = look("explore", expr="llm_requests_total").context
    assert context["n"] == 2
    assert context["cost"]["samples"] != "0"


def test_a_mistake_is_shown_at_its_place(look: Look) -> None:
    assert look("explore", expr="sum(rate(x[5m])").context["fault"].placed


def test_a_mistake_without_a_place_is_shown_all_the_same() -> None:
    assert fault("x", AskError("too much")).message == "too much"


def test_a_query_that_matches_nothing_says_so(look: Look) -> None:
    assert "no series matches" in look("explore", expr="nothing_like_it").content.decode()


def test_what_was_typed_cannot_become_markup(look: Look) -> None:
    assert (
        "<script>alert" not in look("explore", expr="</textarea><script>alert(1)</script>").content.decode()
    )


def test_native_histograms_alone_get_a_hint(look: Look, world: object) -> None:
    assert "histogram_quantile(0.99, …)" in look("explore", expr="llm_ttft_seconds").content.decode()

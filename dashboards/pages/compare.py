"""Compare: is version B worse than A? A verdict with its evidence first, then all sides on the same axes."""

import json
from typing import Any, ClassVar

from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from dashboards import ask, exports
from dashboards.compared import arms, figures, likes, out, sides, verdicts
from dashboards.compared.arms import MOST_CALLS
from dashboards.compared.sides import Choice
from dashboards.pages.base import Context, MissingError, Page
from dashboards.visit import Visit

SUBJECT = ("model", "view", *(f"{letter}{what}" for letter in sides.LETTERS for what in ("", "_env", "_ago")))

DRAWN = (
    "latency", "curve", "length", "crowd", "ttft", "speed", "answers", "errors", "p99", "quality", "drift", "cost",
)  # fmt: skip


class Compare(Page):
    name = "compare"
    title = lazy("Compare")
    question = lazy("Is version B worse than version A?")
    key = "c"
    routes: ClassVar = (
        ("", "show", "pages/compare.html"),
        ("report/", "report", "pages/compare_report.html"),
        ("export/", "export", "pages/compare.html"),
    )

    def show(self, visit: Visit) -> Context:
        choice = sides.read(visit)
        found = weighed(visit, choice)
        return found | {
            "choice": choice,
            "spare": next((one for one in sides.LETTERS[len(choice.sides) :] if one not in "ab"), ""),
            "agos": sides.AGO,
            "nameless": sides.NAMELESS,
            "ready": bool(choice.sides),
            "ways": ways(visit),
            "report_link": visit.to("compare/report", **subject(visit)),
            "files": [(form, visit.to("compare/export", **subject(visit), form=form)) for form in ("csv", "json")],
            "instead": instead(visit, choice),
            "swapped": swapped(visit, choice),
        }  # fmt: skip

    def report(self, visit: Visit) -> Context:
        """The same for paper."""
        shown = self.show(visit)
        charts = shown.get("charts", {})
        alive = visit.share.replace("/compare/report/", "/compare/")
        drawings = [charts[name] for name in DRAWN if name in charts]
        return shown | {"drawings": drawings, "back": visit.to("compare", **subject(visit)), "alive": alive}

    def export(self, visit: Visit) -> HttpResponse:
        choice = sides.read(visit)
        if not choice.sides:
            message = _("There is nothing to compare in this time range.")
            raise MissingError(message)
        found = weighed(visit, choice)
        name = f"{visit.place.slug}-compare"
        if visit.params.get("form") != "json":
            return exports.answer(name, "csv", out.rows(found["against"], found["loaded"][0]))
        whole = out.document(
            visit, found["loaded"], found["against"], found["curves"], found["charts"], found["pairs"]
        )
        text = json.dumps(whole, ensure_ascii=False, indent=1, allow_nan=False)
        answer = HttpResponse(text, content_type="application/json")
        answer["Content-Disposition"] = f'attachment; filename="{name}.json"'
        return answer


def weighed(visit: Visit, choice: Choice) -> Context:
    """Everything that is known of the sides; nothing where there are none."""
    if not choice.sides:
        return {}
    loaded = [arms.load(visit, side) for side in choice.sides]
    told, curves = verdicts.against(loaded), verdicts.curve(loaded)
    with ask.together(visit.project_id, figures.questions(choice.sides)):
        charts = figures.charts(visit, loaded, cumulative=visit.params.get("view") == "cumulative")
    return {
        "loaded": loaded,
        "first": loaded[0],
        "against": told,
        "tone": verdicts.tone(told),
        "counted": verdicts.counted(loaded),
        "window": arms.together(loaded),
        "most": MOST_CALLS,
        "curves": curves,
        "charts": charts | {"curve": verdicts.curve_chart(loaded, curves)},
        "pairs": likes.pairs(visit, loaded[0].side, loaded[1].side),
    }


def subject(visit: Visit) -> dict[str, str]:
    """What the address says about the sides, for the report and the files."""
    return {name: visit.params[name] for name in SUBJECT if visit.params.get(name)}


def swapped(visit: Visit, choice: Choice) -> str:
    """The same with A and B in each other's place."""
    if not choice.sides:
        return ""
    a, b, *_rest = choice.sides
    named = {
        f"{to}{what}": value
        for to, side in (("a", b), ("b", a))
        for what, value in (
            ("", side.name if side.model != choice.model else side.value),
            ("_env", side.environment),
            ("_ago", side.ago_text),
        )
    }
    return visit.here(**named)


def ways(visit: Visit) -> list[dict[str, Any]]:
    """How distributions can be drawn."""
    now = visit.params.get("view", "")
    listed = (("", _("Density")), ("cumulative", _("Cumulative")))
    return [{"name": name, "url": visit.here(view=view), "chosen": view == now} for view, name in listed]


def instead(visit: Visit, choice: Choice) -> list[tuple[str, str]]:
    """What can be compared where there is only one version: it with itself, earlier or elsewhere."""
    if choice.sides or not choice.versions:
        return []
    only = {"model": choice.model, "a": choice.versions[0] or sides.NAMELESS}
    only |= {"b": only["a"]}
    found = [
        (_("with itself a day earlier"), visit.here(**only, b_ago="24h")),
        (_("with itself a week earlier"), visit.here(**only, b_ago="7d")),
    ]
    if len(choice.environments) > 1:
        one, other, *_rest = choice.environments
        found.append((f"{one} / {other}", visit.here(**only, a_env=one, b_env=other)))
    return found


PAGE = Compare()

"""Labelling: is the judge right? One call at a time, chosen to make the rates surer, marked by keyboard.

Neither the judge's mark nor the version is shown: a person who knows them does not judge for himself.
"""

from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from dashboards.docs import render
from dashboards.pages.base import Context, Form, MissingError, Page
from dashboards.pages.quality import told_standing
from dashboards.visit import Visit
from monitor.ingest import calls
from monitor.quality import people

MARKS = (0, 1, 2, 3, 4, 5)
LONGEST_TEXT = 20_000
# versions are told apart here and not named
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Labelling(Page):
    name = "labelling"
    title = lazy("Labelling")
    question = lazy("Is the judge right?")
    key = "l"
    timed = False
    acts: ClassVar = {"label": "labeller"}

    def show(self, visit: Visit) -> Context:
        names = people.names(visit.project_id)
        if not names:
            return {"judges": [], "task": None}
        name = visit.params.get("judge", "")
        wanted = calls.identity(visit.params.get("call", ""))
        task = people.task(
            visit.project_id, name if name in names else names[0], visit.person, now=visit.now, wanted=wanted,
            chinese=(get_language() or "").startswith("zh"),
        )  # fmt: skip
        call = task.call
        more = call.detail if call else {}
        return {
            "judges": [(one, visit.here(judge=one, call="", last=""), one == task.judge) for one in names],
            "task": task,
            "call": call,
            "contexts": [str(one.get("text", "")) for one in more.get("contexts") or ()],
            "expected": more.get("reference", ""),
            "guidelines": render(task.guidelines),
            "standing": told_standing(task.standing),
            "lettered": list(zip(LETTERS, told_standing(task.standing)["versions"], strict=False)),
            "marks": MARKS,
            "last": visit.here(judge=task.judge, call=visit.params["last"], last="") if visit.params.get("last") else "",
            "may_label": visit.place.allows("labeller"),
        }  # fmt: skip

    def act(self, visit: Visit, form: Form, **_place: Any) -> HttpResponse | Context:
        judge, mark = form.get("judge", ""), form.get("mark", "")
        call = calls.identity(form.get("call", ""))
        if call is None or mark not in {"skip", *map(str, MARKS)}:
            message = _("A mark is a whole number from 0 to 5.")
            raise MissingError(message)
        texts = {
            name: calls.redacted(visit.project_id, form.get(name, "").strip()[:LONGEST_TEXT], now=visit.now)
            for name in ("reason", "correction")
        }
        self._say(visit, judge, call, None if mark == "skip" else float(mark), texts)
        return redirect(visit.here(judge=judge, call="", last=str(call)))

    def _say(self, visit: Visit, judge: str, call: UUID, value: float | None, texts: dict[str, str]) -> None:
        try:
            people.say(visit.project_id, judge, call, visit.person, value, **texts, now=visit.now)
        except people.NoSuchJudgeError as error:
            raise MissingError(_("There is no such judge in this project.")) from error
        except people.UnknownGenerationError as error:
            raise MissingError(
                _("There is no such call in this project. It may be older than what is kept.")
            ) from error


PAGE = Labelling()

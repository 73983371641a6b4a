"""Releases: may this version go on? The verdict first, then stages, gates, evidence over time and what was decided."""

import json
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.functional import Promise
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from dashboards import colours, numbers
from dashboards.charts import Chart, draw
from dashboards.pages.base import Context, Form, MissingError, Page
from dashboards.panels.base import Frame
from dashboards.visit import Visit
from monitor.canary import read
from monitor.ingest import calls

NOT_HERE = lazy("There is no such release in this project.")
VERDICTS: dict[str, tuple[str, str | Promise]] = {
    "pass": ("good", lazy("pass")), "fail": ("bad", lazy("fail")), "undecided": ("unknown", lazy("undecided")),
}  # fmt: skip
STATES: dict[str, tuple[str, str | Promise]] = {
    "open": ("unknown", lazy("on its way")), "held": ("warn", lazy("held")),
    "promoting": ("warn", lazy("being promoted")), "promoted": ("good", lazy("promoted")),
    "rolling_back": ("warn", lazy("rolling back")), "rolled_back": ("bad", lazy("rolled back")),
    "escalated": ("bad", lazy("rollback not proved")), "ended": ("unknown", lazy("ended without a decision")),
}  # fmt: skip
MODES: dict[str, str | Promise] = {
    "observe": lazy("observe only"), "recommend": lazy("recommend; a person decides"), "automatic": lazy("automatic"),
}  # fmt: skip
DECISIONS: dict[str, str | Promise] = {
    "advance": lazy("next stage"), "promote": lazy("promote"), "rollback": lazy("roll back"), "hold": lazy("hold"),
    "resume": lazy("go on"), "inconclusive": lazy("inconclusive: held"), "proved": lazy("rollback proved"),
    "escalate": lazy("rollback not proved"), "arrived": lazy("promotion proved"),
    "stalled": lazy("share not arrived: ordered again"), "close": lazy("closed; no traffic was moved"),
}  # fmt: skip
DECIDED: dict[str, str | Promise] = {
    "proposed": lazy("proposed"), "done": lazy("decided"), "overtaken": lazy("overtaken"),
}  # fmt: skip
RUNS: dict[str, tuple[str, str | Promise]] = {
    "waiting": ("unknown", lazy("waiting")), "done": ("good", lazy("done")), "refused": ("bad", lazy("refused")),
    "given_up": ("bad", lazy("given up")),
}  # fmt: skip
STAGES: dict[str, tuple[str, str | Promise]] = {
    "later": ("unknown", lazy("later")), "now": ("warn", lazy("now")), "passed": ("good", lazy("passed")),
    "ended": ("unknown", lazy("ended")),
}  # fmt: skip
OPENED: dict[str, str | Promise] = {
    "hand": lazy("by hand"), "api": lazy("by API"), "webhook": lazy("by a deploy webhook"), "noticed": lazy("noticed"),
}  # fmt: skip
STRATA: dict[str, str | Promise] = {
    "": lazy("nothing"), "route": lazy("route"), "topic": lazy("topic"), "language": lazy("language"),
    "tenant": lazy("tenant"), "template": lazy("prompt template"), "environment": lazy("environment"),
}  # fmt: skip


class Releases(Page):
    name = "releases"
    title = lazy("Releases")
    question = lazy("May this version go on?")
    key = "v"
    routes: ClassVar = (
        ("", "show", "pages/releases.html"),
        ("new/", "new", "pages/release_new.html"),
        ("<int:identity>/", "detail", "pages/release.html"),
        ("<int:identity>/evidence.json", "evidence", "pages/release.html"),
    )

    acts: ClassVar = dict.fromkeys(("open", "approve", "hold", "resume", "rollback", "close"), "editor")

    def show(self, visit: Visit) -> Context:
        rows = read.releases(visit.project_id)
        return {
            "lively": [told(row) for row in rows if row.lively],
            "over": [told(row) for row in rows if not row.lively],
            "may_edit": visit.place.allows("editor"),
        }

    def new(self, visit: Visit) -> Context:
        """The form for a release, filled from the address."""
        return self._form(visit, dict(visit.params))

    def _form(self, visit: Visit, form: dict[str, str], problem: str = "") -> Context:
        known = calls.known_versions(visit.project_id)
        models = list(dict.fromkeys(one.model for one in known))
        model = form.get("model") or (models[0] if models else "")
        return {
            "form": {"stages": "5, 20, 50, 100", "mode": "recommend", "stratify": "route", **form, "model": model},
            "models": models, "versions": [one.version for one in known if one.model == model][::-1],
            "modes": MODES, "strata": STRATA, "problem": problem, "may_edit": visit.place.allows("editor"),
        }  # fmt: skip

    def detail(self, visit: Visit, identity: int) -> Context:
        whole = self._whole(visit, identity)
        one = told(whole.row)
        proposed = next((row for row in whole.decisions if row.state == "proposed"), None)
        return {
            "one": one,
            "row": whole.row,
            "gates": [gate(found) for found in whole.row.gates],
            "share": read.words.arrival(whole.row.seen, language()) if whole.row.seen else "",
            "mix": [
                (STRATA.get(name, name), numbers.show(far, "ratio")) for name, far in whole.row.mix.items()
            ],
            "evidence": evidence(whole),
            "good": goodness(whole),
            "shares": shares(whole),
            "stages": [(stage, *STAGES[stage.state]) for stage in whole.row.stages],
            "decisions": [
                (
                    row,
                    DECISIONS[row.kind],
                    DECIDED[row.state],
                    who(row.by),
                    row.why(language()),
                    [(run, *RUNS[run.state]) for run in row.runs],
                )
                for row in whole.decisions
            ],
            "proposed": (proposed, DECISIONS[proposed.kind]) if proposed else None,
            "owner": who(whole.row.owner) if whole.row.owner else "",
            "strata": STRATA.get(whole.row.stratify, whole.row.stratify),
            "may_edit": visit.place.allows("editor"),
            "on_its_way": whole.row.state in {"promoting", "rolling_back", "escalated"},
            "stalled": whole.row.arrival.get("state") == "unproved"
            and whole.row.state in {"open", "promoting"},
            "refused": whole.refused,
            "stage": max((stage.position for stage in whole.row.stages if stage.began_at), default=0),
            "now_share": whole.row.seen.get("share"),
        }

    def evidence(self, visit: Visit, identity: int) -> HttpResponse:
        """The whole evidence as a file; it can be judged anew without us."""
        self._whole(visit, identity)
        found = read.evidence(visit.project_id, identity, now=visit.now)
        response = HttpResponse(json.dumps(found, ensure_ascii=False), content_type="application/json")
        response["Content-Disposition"] = f'attachment; filename="release-{identity}-evidence.json"'
        return response

    def act(
        self, visit: Visit, form: Form, identity: int | None = None, **_place: Any
    ) -> HttpResponse | Context:
        if identity is None:
            return self._open(visit, form)
        try:
            stage = form.get("stage", "")
            read.decide(
                visit.project_id, identity, form.get("do", ""), by=visit.person, now=visit.now,
                stage=int(stage) if stage.isascii() and stage.isdecimal() else None,
                override=form.get("override") == "yes",
            )  # fmt: skip
        except read.NoReleaseError as error:
            raise MissingError(NOT_HERE) from error
        except read.CantDecideError as error:
            return self.detail(visit, identity) | {"problem": str(error)}
        return redirect(visit.to(f"releases/{identity}"))

    def _open(self, visit: Visit, form: Form) -> HttpResponse | Context:
        try:
            wish = read.Wish(
                form.get("model", ""), form.get("canary", ""), form.get("stable", "") , owner=visit.person,
                note=form.get("note", ""), mode=form.get("mode", "observe"),
                stages=read.stages_of(form.get("stages", "")), stratify=form.get("stratify", ""),
            )  # fmt: skip
            row = read.open_one(visit.project_id, wish, now=visit.now)
        except read.BadReleaseError as error:
            return self._form(visit, dict(form), str(error))
        return redirect(visit.to(f"releases/{row.id}"))

    def _whole(self, visit: Visit, identity: int) -> read.Whole:
        try:
            return read.whole(visit.project_id, identity)
        except read.NoReleaseError as error:
            raise MissingError(NOT_HERE) from error


@dataclass(frozen=True, slots=True)
class Told:
    """A release in words and tones."""

    row: read.ReleaseRow
    tone: str
    word: str | Promise
    state_tone: str
    state: str | Promise
    mode: str | Promise
    opened: str | Promise
    sentence: str
    planned: str


def language() -> read.Language:
    return "zh" if (get_language() or "").startswith("zh") else "en"


def who(by: str) -> str:
    """Whoever decided: a person by name, a key as one, or Vigil itself."""
    key = read.key_name(by)
    if key is not None:
        return _("API key “%(name)s”") % {"name": key}
    return by or "Vigil"


def told(row: read.ReleaseRow) -> Told:
    # what is passed by calls that can't be compared is not green
    tone, word = VERDICTS["undecided" if row.verdict == "pass" and "alike" in row.lacks else row.verdict]
    state_tone, state = STATES[row.state]
    begun = [stage for stage in row.stages if stage.began_at]
    planned = read.words.percent(begun[-1].share) if begun else ""
    return Told(
        row, tone, word, state_tone, state, MODES[row.mode], OPENED[row.opened_by], row.sentence(language()),
        planned,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class GateLine:
    """A gate in a row of the table."""

    name: str
    tone: str
    word: str | Promise
    reason: str
    stable: str
    canary: str
    effect: str
    interval: str
    limit: str | Promise
    evidence: float
    good: float
    calls: int
    needed: bool


def gate(found: dict[str, Any]) -> GateLine:
    words, tongue = read.words, language()
    tone, word = VERDICTS[found["verdict"]]
    scale = words.scale_of(found["kind"])
    q = found.get("q") or 0.0
    limit: str | Promise = CONDITIONS.get(found["kind"], "")
    if scale != "condition":
        worse, good = (_limit(found[name], scale) for name in ("worse_from", "good_to"))
        limit = _("bad above %(worse)s, good below %(good)s") % {"worse": worse, "good": good}
        if found["kind"] in {"tokens_per_second", "judge_score", "quality_rate"}:
            worse, good = (_limit(-found[name], scale) for name in ("worse_from", "good_to"))
            limit = _("bad below %(worse)s, good above %(good)s") % {"worse": worse, "good": good}
    return GateLine(
        words.gate_name(found["kind"], found["about"], tongue, q), tone, word, words.reason(found, tongue),
        _value(found["kind"], found["stable"], q), _value(found["kind"], found["canary"], q), words.effect(found),
        words.interval(found, tongue), limit, min(1.0, max(0.0, found["evidence"])), min(1.0, found["good"]),
        found["n_canary"], found["needed"],
    )  # fmt: skip


CONDITIONS: dict[str, str | Promise] = {
    "drift": lazy(
        "holds up and decides nothing alone: its false alarms are counted in months, not by release"
    ),
    "promql": lazy("as good as the condition; outside the promise of all gates"),
}
UNITS = {
    "latency_mean": "seconds", "ttft_mean": "seconds", "tokens_per_second": "tokens_per_second", "cost": "usd",
    "judge_score": "score",
}  # fmt: skip


def _limit(value: float, scale: str) -> str:
    """A limit as somebody set it, not rounded."""
    return f"×{value:g}" if scale == "times" else read.words.shown(value, scale)


def _value(kind: str, value: float | None, q: float) -> str:
    if value is None:
        return ""
    return numbers.show(value, "seconds" if q else UNITS.get(kind, "ratio"))


def evidence(whole: read.Whole) -> Chart:
    """How sure it is that the version is worse, gate by gate; at 1 it fails, however often one looked."""
    return _paths(
        whole,
        "fail",
        "release-evidence",
        _("Evidence that it is worse"),
        _("at 1 the release fails; looking often costs nothing"),
    )


def goodness(whole: read.Whole) -> Chart:
    return _paths(whole, "good", "release-good", _("Evidence that it is good"), _("at 1 a gate is passed"))


def _paths(whole: read.Whole, which: str, name: str, title: str, note: str) -> Chart:
    times = np.array(whole.times, dtype=np.int64)
    kinds = {one["key"]: one for one in whole.row.gates}
    frames = [
        Frame(
            read.words.gate_name(kinds[key]["kind"], kinds[key]["about"], language(), kinds[key].get("q") or 0.0),
            {"time": times, "value": np.clip(np.array(path[which], dtype=np.float64), -1.0, 2.0)}, {}, colours.slot(place),
        )
        for place, key in enumerate(kinds)
        if (path := whole.paths.get(key)) is not None
    ]  # fmt: skip
    return draw(
        name, "timeseries", title, frames, unit="effect", height=260, from_zero=False, limit=1.0, note=note,
        marks=_marks(whole), empty=_("Nothing has been counted yet. The first five minutes are closed a minute after their end."),
        show_legend=True,
    )  # fmt: skip


def _marks(whole: read.Whole) -> list[dict[str, Any]]:
    """Where stages began and decisions were made."""
    marks = [{"time": at, "colour": "var(--accent)"} for at, _share in whole.planned[1:]]
    return marks + [
        {"time": int(row.at.timestamp() * 1000), "colour": "var(--bad)"}
        for row in whole.decisions
        if row.kind in {"rollback", "escalate"} and row.state == "done"
    ]


def shares(whole: read.Whole) -> Chart:
    """The share of the calls that the version really had, beside the plan."""
    times = np.array(whole.times, dtype=np.int64)
    seen = np.array([np.nan if one is None else one for one in whole.shares], dtype=np.float64)
    planned = np.full(times.size, np.nan)
    for at, share in whole.planned:
        planned[times > at] = share
    gone = [row for row in whole.decisions if row.kind == "rollback" and row.state == "done"]
    for row in gone:
        planned[times > row.at.timestamp() * 1000] = 0.0
    frames = [
        Frame(_("seen"), {"time": times, "value": seen}, {}, colours.slot(0)),
        Frame(_("planned"), {"time": times, "value": planned}, {}, colours.NEUTRAL),
    ]
    return draw(
        "release-shares", "timeseries", _("Share of the calls"), frames if times.size else [], unit="ratio",
        height=220, marks=_marks(whole), note=_("counted from the calls, not believed from the plan"),
        empty=_("Nothing has been counted yet. The first five minutes are closed a minute after their end."),
    )  # fmt: skip


PAGE = Releases()

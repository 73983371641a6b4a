"""Quality: are the answers getting worse? Rates corrected by people with their intervals, then the judges themselves."""

import math
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext

from dashboards import ask
from dashboards.charts import Chart, draw
from dashboards.lines import POINTS, by_version, pinned
from dashboards.numbers import show, signed
from dashboards.pages.base import Context, Form, MissingError, Page
from dashboards.panels.base import Column, Frame
from dashboards.visit import Visit
from monitor.core.histograms import HistogramBlock, upper_bounds
from monitor.quality import people, read
from monitor.quality.moved import Move

LATEST = 12
MARKS = (0, 1, 2, 3, 4, 5)
JUDGED = 'source=~"judge|rule|reference"'
MOVES: dict[str, tuple[str, str | Promise]] = {
    "few": ("unknown", lazy("too few marks to see a move")),
    "steady": ("good", lazy("steady")),
    "quality": ("bad", lazy("the answers moved")),
    "judge": ("warn", lazy("the judge moved")),
    "both": ("bad", lazy("answers and judge moved")),
    "unknown": ("warn", lazy("the marks moved, why is unknown")),
}
# what is not known must not hide behind what is steady
WORST = ("bad", "warn", "unknown", "good")
# how a failed judgement is called; anything else is shown as it is
REASONS: dict[str, str | Promise] = {
    "timeout": lazy("no answer in time"), "connection": lazy("not reached"),
    "rate_limited": lazy("rate limit of the endpoint"), "server_error": lazy("endpoint failed"),
    "bad_answer": lazy("unusable answer"), "refused": lazy("question refused"),
    "misconfigured": lazy("wrongly set up"), "broken": lazy("mistake of Vigil’s own"), "budget": lazy("day’s budget spent"), "unknown": lazy("unknown"),
}  # fmt: skip


class Quality(Page):
    name = "quality"
    title = lazy("Quality")
    question = lazy("Are the answers getting worse?")
    key = "q"
    acts: ClassVar = {"again": "editor", "freeze": "editor", "thaw": "editor"}

    def show(self, visit: Visit) -> Context:
        names = score_names(visit)
        standings = people.standings(visit.project_id, now=visit.now)
        told = [told_standing(one) for one in standings]
        letters, dead = read.dead_letters(visit.project_id)
        return {
            "judges": [told_judge(one) for one in read.judges(visit.project_id, now=visit.now)],
            "how_to_add": read.HOW_TO_ADD,
            "verdict": verdict(told),
            "standings": told,
            "rates": [
                rate_chart(visit, one) for one in standings if any(v.quality.rate for v in one.versions)
            ],
            "charts": [chart(visit, name) for name in names] + [share_low(visit), spread_of_marks(visit)],
            "verdicts": read.recent_verdicts(visit.project_id, visit.span.start, visit.span.end, LATEST),
            "letters": [(one, REASONS.get(one.reason, one.reason)) for one in letters],
            "dead": dead,
            "may_edit": visit.place.allows("editor"),
            "may_label": visit.place.allows("labeller"),
        }

    def act(self, visit: Visit, form: Form, **_place: Any) -> HttpResponse | Context:
        try:
            match form.get("do"):
                case "again":
                    claim = form.get("claim", "")
                    people.try_again(
                        visit.project_id, int(form.get("judge", "")), now=visit.now,
                        claim_id=int(claim) if claim else None,
                    )  # fmt: skip
                case "freeze":
                    people.freeze(visit.project_id, form.get("judge", ""), now=visit.now)
                case "thaw":
                    people.thaw(visit.project_id, form.get("judge", ""))
        except (people.NoSuchJudgeError, ValueError) as error:
            raise MissingError(str(error)) from error
        return redirect(visit.here())


@dataclass(frozen=True, slots=True)
class ToldVersion:
    """One version in words: the corrected rate with its interval, or why there is none."""

    row: people.Version
    rate: str
    interval: str
    raw: str
    mean: str
    agrees: str
    lacking: str
    tone: str
    word: str | Promise
    why: str


def told_standing(one: people.Standing) -> dict[str, Any]:
    """A judge as people see it, with its versions in words."""
    versions = [told_version(version) for version in one.versions]
    if one.same:
        # a judge that gives everything the same mark would call anything steady
        versions = [
            replace(each, tone="unknown", word=_("the judge can’t tell answers apart")) for each in versions
        ]
    return {
        "row": one,
        "versions": versions,
        "alpha": known(one.agreement.alpha, "effect"),
        "kappa": known(one.agreement.kappa, "effect"),
        "inconsistent": known(one.pairs.inconsistent, "ratio") if one.pairs else "",
        "first": known(one.pairs.first, "ratio") if one.pairs else "",
    }


def verdict(told: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The worst that is known of any version under any judge, in one sentence; None without marks."""
    every = [(one["row"].name, version) for one in told for version in one["versions"]]
    if not every:
        return None
    name, worst = min(every, key=lambda pair: WORST.index(pair[1].tone))
    version = worst.row.quality.version or worst.row.quality.model
    return {"tone": worst.tone, "word": worst.word, "judge": name, "version": version, "why": worst.why}


def told_version(one: people.Version) -> ToldVersion:
    quality, (tone, word) = one.quality, MOVES[one.move.word]
    raw = _("raw %(rate)s, mean mark %(mean)s") % {
        "rate": show(quality.raw_rate, "ratio"),
        "mean": show(quality.raw_mean, "score"),
    }
    if quality.rate is None or quality.mean is None:
        lacking = ngettext(
            "uncalibrated: %(n)s more label needed", "uncalibrated: %(n)s more labels needed", quality.lacking
        ) % {"n": quality.lacking}
        return ToldVersion(
            one, "", "", raw, "", known(quality.agrees, "effect"), lacking, tone, word, why(one.move)
        )
    return ToldVersion(
        one, show(quality.rate.mean, "ratio"), between(quality.rate.interval(), 1.0, "ratio"), raw,
        f"{show(quality.mean.mean, 'score')} ({between(quality.mean.interval(), 5.0, 'score')})",
        known(quality.agrees, "effect"), "", tone, word, why(one.move),
    )  # fmt: skip


def why(move: Move) -> str:
    """What the verdict on a move rests on."""
    if move.word == "few" and not math.isfinite(move.interval.high):
        return _("%(after)s marks in the last day, %(before)s in the days before") % {
            "after": move.after, "before": move.before,
        }  # fmt: skip
    words = {
        "move": signed(move.difference, "score"),
        "range": between(move.interval, 5.0, "score", least=-5.0),
    }
    said = _("the last day against the days before: %(move)s (%(range)s)") % words
    shift = move.shift
    if shift is None or shift.moved is None:
        return said + "; " + _("no frozen calls tell whether the judge itself moved")
    frozen = {"move": signed(shift.difference, "score"), "n": shift.items}
    return said + "; " + _("the judge itself on %(n)s frozen calls: %(move)s") % frozen


def between(interval: Any, top: float, unit: str, least: float = 0.0) -> str:
    """An interval within the range of the thing."""
    return f"{show(max(least, interval.low), unit)} … {show(min(top, interval.high), unit)}"


def known(value: float | None, unit: str) -> str:
    return "" if value is None or math.isnan(value) else show(value, unit)


def told_judge(one: read.JudgeState) -> dict[str, Any]:
    """A judge's own state, its limits in words."""
    spent = one.spent
    limits = []
    if spent.most_tokens is not None:
        limits.append(f"{show(spent.tokens, 'count')} / {show(spent.most_tokens, 'tokens')}")
    if spent.most_usd is not None:
        limits.append(f"{show(spent.usd, 'usd')} / {show(spent.most_usd, 'usd')}")
    return {
        "row": one,
        "limits": limits,
        "failures": [(each, REASONS.get(each.reason, each.reason)) for each in one.failures],
    }


def score_names(visit: Visit) -> list[str]:
    """The names of the marks given in the span, at most six."""
    expr = f"histogram_count(sum by (score) (increase(llm_score[{visit.span.width}]))) > 0"
    try:
        found = ask.instant(visit.project_id, expr, visit.span.end)
    except ask.AskError:
        return []
    return sorted({labels.get("score", "") for labels in found.labels})[:6]


def rate_chart(visit: Visit, one: people.Standing) -> Chart:
    """The share of good answers over time, by version, inside its interval."""
    frames: list[Frame] | ask.AskError
    try:
        lines = {
            bound: {
                ask.version_of(frame.labels): frame
                for frame in ask.frames(
                    visit.project_id, f"llm_quality_rate{{rubric={ask.quoted(one.name)}, bound={ask.quoted(bound)}}}",
                    visit.span, POINTS,
                )
            }
            for bound in ("estimate", "lower", "upper")
        }  # fmt: skip
        frames = [
            Frame(
                name,
                {
                    **frame.columns,
                    "low": lines["lower"][name].columns["value"],
                    "high": lines["upper"][name].columns["value"],
                },
                frame.labels,
                visit.colours.get(name, ""),
            )
            for name, frame in sorted(lines["estimate"].items())
            if name in lines["lower"] and name in lines["upper"]
        ]
    except ask.AskError as error:
        frames = error
    return draw(
        f"rate-{one.name}", "timeseries", _("Good answers: %(name)s") % {"name": one.name}, frames, unit="ratio",
        note=_("corrected by people’s labels; the band is the 95 % interval"), from_zero=False,
        empty=_("The corrected rate is written every two minutes; there is none in this time range."),
        **pinned(visit),
    )  # fmt: skip


def chart(visit: Visit, name: str) -> Chart:
    """The mean mark of one name over time, by version."""
    # marks are few: a narrow window would leave more gaps than line
    window = visit.span.window(24)
    expr = f"histogram_avg(sum by (model, version) (rate(llm_score{{score={ask.quoted(name)}}}[{window}])))"
    return draw(
        f"score-{name}", "timeseries", _("Mean mark: %(name)s") % {"name": name}, by_version(visit, expr),
        unit="score", from_zero=False, empty=_("No marks of this name in this time range."), **pinned(visit),
    )  # fmt: skip


def share_low(visit: Visit) -> Chart:
    """How many marks are poor."""
    window = visit.span.window(24)
    expr = f"histogram_fraction(-1, 2, sum by (model, version) (rate(llm_score{{{JUDGED}}}[{window}])))"
    return draw(
        "score-low", "timeseries", _("Share of marks up to 2"), by_version(visit, expr), unit="ratio",
        empty=_("No call has been marked in this time range."), **pinned(visit),
    )  # fmt: skip


def spread_of_marks(visit: Visit) -> Chart:
    """The share of each mark, by version."""
    expr = f"sum by (model, version) (increase(llm_score{{{JUDGED}}}[{visit.span.width}]))"
    frames: list[Frame] | ask.AskError
    try:
        frames = [
            Frame(
                ask.version_of(one.labels),
                {"category": np.array([str(mark) for mark in MARKS]), "value": shares(one.block)},
                one.labels,
                visit.colours.get(ask.version_of(one.labels), ""),
            )
            for one in ask.spreads(visit.project_id, expr, visit.span.end)
        ]
    except ask.AskError as error:
        frames = error
    return draw(
        "score-spread", "bar", _("All marks"), frames, unit="ratio",
        empty=_("No call has been marked in this time range."),
    )  # fmt: skip


def shares(block: HistogramBlock) -> Column:
    """The share of each whole mark: the buckets of a histogram of marks are far narrower than one mark."""
    counts = np.zeros(len(MARKS))
    counts[0] = block.zero[0]
    middles = np.sqrt(
        upper_bounds(block.positive_index, block.schema)
        * upper_bounds(block.positive_index - 1, block.schema)
    )
    np.add.at(counts, np.clip(np.round(middles), 0, MARKS[-1]).astype(int), block.positive[0])
    return counts / (counts.sum() or 1.0)


PAGE = Quality()

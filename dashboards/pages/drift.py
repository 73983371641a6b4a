"""Drift: have the inputs or the answers changed, and how? Signals by evidence, distances below, one of them open."""

from typing import Any

import numpy as np
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from dashboards import ask, colours
from dashboards.charts import Chart, draw
from dashboards.drifted import QUIET, STATES, amount, learning, odds, told, verdict
from dashboards.lines import POINTS, pinned
from dashboards.pages.base import Context, Page
from dashboards.panels.base import Frame
from dashboards.visit import Visit
from monitor.drift import read
from monitor.ingest import calls

UNITS = {
    "prompt_length": "tokens", "output_length": "tokens", "latency": "seconds", "ttft": "seconds",
}  # fmt: skip
MOST_EXAMPLES = 6
DIMENSIONS: dict[str, str | Promise] = {
    "topic": lazy("topic"), "language": lazy("language"), "tenant": lazy("tenant"),
    "finish_reason": lazy("finish reason"), "grounding": lazy("grounding"), "route": lazy("route"),
    "template": lazy("template"), "environment": lazy("environment"),
}  # fmt: skip
BASES: dict[str, str | Promise] = {
    "none": lazy("under two days are known: nothing is expected yet"),
    "yesterday": lazy("under 15 days are known: measured by yesterday alone"),
    "weeks": lazy("measured by the same time of past weeks"),
}  # fmt: skip
# of those that are as always so many are listed before the rest is folded
MOST_CALM = 6
MATURITY = {
    "young": lazy(
        "Its reference is under two days old: it knows no time of the day yet, tolerances are doubled, and it warns but never pages."
    ),
    "growing": lazy(
        "Its reference is under 14 days old: tolerances are doubled, and it warns but never pages."
    ),
}


class Drift(Page):
    name = "drift"
    title = lazy("Drift")
    question = lazy("Have the inputs or the answers changed, and how?")
    key = "d"

    def show(self, visit: Visit) -> Context:
        signals, watches = read.signals(visit.project_id), read.watches(visit.project_id)
        watch = next((one for one in watches if str(one.id) == visit.params.get("watch")), None)
        signal = next((one for one in signals if str(one.id) == visit.params.get("signal")), None)
        if signal is None and watch is None:
            signal = next((one for one in signals if one.state not in QUIET), None)
            watch = next(iter(watches), None)
        loud = [told(one) for one in signals if one.state not in QUIET]
        calm = [one for one in loud if one.row.state == "ok"]
        return {
            "verdict": verdict(signals),
            "watched": watched(visit, signals),
            "signals": [one for one in loud if one.row.state != "ok"] + calm[:MOST_CALM],
            "calm": calm[MOST_CALM:],
            "learning": learning(signals),
            "note": next((one.note for one in signals if one.note and one.state not in QUIET), ""),
            "quiet": [told(one) for one in signals if one.state == "unknown"],
            "unheard": read.unheard(visit.project_id),
            "watches": [(one, *STATES.get(one.state, ("unknown", one.state)), one.label) for one in watches],
            "volumes": [
                (f"volume-{place}", one, BASES.get(one.basis, one.basis), volume(visit, one))
                for place, one in enumerate(read.volumes(visit.project_id, now=visit.now))
            ],
            **(opened_signal(visit, signal) if signal else {"signal": None}),
            **(opened_watch(visit, watch) if watch and not signal else {"chosen": None}),
        }


def watched(visit: Visit, signals: list[read.SignalRow]) -> dict[str, Any]:
    """How much is looked at, and what that costs in false pages."""
    known = [one for one in signals if one.enabled and one.state not in QUIET]
    versions = len({(one.model, one.version) for one in known})
    return {
        "n": len(known),
        "versions": versions,
        "false": read.false_pages_a_month(visit.project_id),
    }


def opened_watch(visit: Visit, chosen: read.WatchRow) -> Context:
    report = read.report(visit.project_id, chosen.id, at=visit.span.end)
    return {
        "chosen": chosen,
        "state": STATES.get(chosen.state, ("unknown", chosen.state)),
        "effect": effect(visit, chosen.selector),
        "report": report,
        "spread": spread(report) if report and not report.shares else None,
        "quantiles": quantiles(report) if report else [],
        "examples": examples(visit, report) if report else [],
    }


def opened_signal(visit: Visit, signal: read.SignalRow) -> Context:
    matchers = f'{signal.selector}, slice=""'
    return {
        "signal": told(signal),
        "young": MATURITY.get(signal.maturity, ""),
        "effect": effect(visit, matchers),
        "evidence": evidence(visit, signal),
        **explained(visit, signal),
    }


def explained(visit: Visit, signal: read.SignalRow) -> Context:
    """What an unusual signal is made of; ``why`` None while it is as always."""
    found = read.why(visit.project_id, signal.id)
    if found is None:
        return {"why": None}
    examples_ = (calls.one(visit.project_id, one) for one in found.examples[:MOST_EXAMPLES])
    return {
        "why": found,
        "slices": [(DIMENSIONS.get(one.dimension, one.dimension), one) for one in found.slices],
        "places": [
            (
                DIMENSIONS.get(one.dimension, one.dimension),
                one,
                *(
                    amount(mean, found.reading)
                    for mean in (one.before, one.now, one.rest_before, one.rest_now)
                ),
                odds(one.evidence),
            )
            for one in found.places
        ],
        "new_calls": [one.summary for one in examples_ if one is not None],
    }


def volume(visit: Visit, one: read.Volume) -> Chart:
    """Calls by five minutes inside the band that this time of the week expects."""
    window = "5m"
    model = ask.quoted(one.model)
    exprs = (
        f"sum(increase(llm_requests_total{{model={model}}}[{window}]))",
        f"llm_anomaly_low{{{one.selector}}}", f"llm_anomaly_high{{{one.selector}}}",
    )  # fmt: skip
    frames: list[Frame] | ask.AskError
    try:
        lines = [ask.frames(visit.project_id, expr, visit.span, POINTS) for expr in exprs]
        found = [each[0] for each in lines if each]
        frames = [_banded(*found, name=_("calls in 5 minutes"))] if len(found) == 3 else found[:1]
    except ask.AskError as error:
        frames = error
    return draw(
        f"volume-{one.model}", "timeseries", one.model, frames, unit="count", height=220,
        note=_("the band is what is expected"), empty=_("Nothing has been found yet in this time range."),
        **pinned(visit),
    )  # fmt: skip


def evidence(visit: Visit, signal: read.SignalRow) -> Chart:
    """How sure it is, of the whole and of the values that moved; at 1 it pages."""
    frames: list[Frame] | ask.AskError
    try:
        frames = ask.frames(visit.project_id, f"llm_drift_evidence{{{signal.selector}}}", visit.span, POINTS)
        frames = [
            Frame(
                frame.labels.get("slice") or _("all together"),
                frame.columns,
                frame.labels,
                colours.slot(place),
            )
            for place, frame in enumerate(sorted(frames, key=lambda one: one.labels.get("slice", "")))
        ]
    except ask.AskError as error:
        frames = error
    return draw(
        "drift-evidence", "timeseries", _("Evidence over time"), frames, unit="effect", height=260,
        note=_("0.7 is a warning, 1 a page"), empty=_("This signal has found nothing yet in this time range."),
        **pinned(visit),
    )  # fmt: skip


def effect(visit: Visit, selector: str) -> Chart:
    """The effect over time inside the band that is normal for it."""
    frames: list[Frame] | ask.AskError
    try:
        lines = {
            name: ask.frames(visit.project_id, f"{name}{{{selector}}}", visit.span, POINTS)
            for name in ("llm_drift_effect", "llm_drift_normal_low", "llm_drift_normal_high")
        }
        found = [each[0] for each in lines.values() if each]
        frames = [_banded(*found)] if len(found) == 3 else found[:1]
    except ask.AskError as error:
        frames = error
    return draw(
        "drift-effect", "timeseries", _("Effect over time"), frames, unit="effect", height=260, from_zero=False,
        note=_("the band is what is normal"), empty=_("Nothing has been found yet in this time range."),
        **pinned(visit),
    )  # fmt: skip


def _banded(line: Frame, low: Frame, high: Frame, *, name: str = "") -> Frame:
    columns = {**line.columns, "low": low.columns["value"], "high": high.columns["value"]}
    return Frame(name or _("effect"), columns, line.labels, colours.slot(0))


def spread(report: read.Report) -> Chart:
    """The reference and the current window over each other."""
    edges = np.array(report.edges)
    reference, current = (
        Frame(name, {"low": edges[:-1], "high": edges[1:], "count": np.array(shares)}, {}, colour)
        for name, shares, colour in (
            (_("reference"), report.reference_shares, colours.NEUTRAL),
            (_("now"), report.current_shares, colours.slot(1)),
        )
    )
    return draw(
        "drift-spread", "histogram", _("Both distributions"), [reference, current] if len(edges) > 1 else [],
        unit=UNITS.get(report.watch.feature, "number"), height=260,
        note=_("%(before)s calls before, %(after)s now") % {"before": report.n_reference, "after": report.n_current},
        empty=_("Vectors have no distribution that can be drawn; the effect says how far they moved."),
    )  # fmt: skip


def quantiles(report: read.Report) -> list[tuple[str, float | None, float | None]]:
    """Each quantile before and now."""
    names = list(report.reference_quantiles or report.current_quantiles)
    return [
        (name, report.reference_quantiles.get(name), report.current_quantiles.get(name)) for name in names
    ]


def examples(visit: Visit, report: read.Report) -> list[Any]:
    """Calls that are typical of what is new."""
    found = (calls.one(visit.project_id, one) for one in report.examples[:MOST_EXAMPLES])
    return [one.summary for one in found if one is not None]


PAGE = Drift()

"""Compare: is version B worse than A? A verdict with its evidence first, then both side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.utils.functional import Promise
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from dashboards import ask, numbers
from dashboards.arms import MOST_CALLS, Arms, arms_of
from dashboards.charts import Chart, draw
from dashboards.lines import by_version, pinned
from dashboards.pages.base import Context, Page
from dashboards.panels.base import Frame
from dashboards.visit import Visit
from monitor.canary import compare, wording
from monitor.canary.compare import Comparison, Difference
from monitor.ingest import calls

LIKE_PAIRS = 3
LIKE_ENOUGH = 0.45
BINS = 10
POINTS_DRAWN = 300
TONES = {"worse": "bad", "not worse": "good", "undecided": "unknown"}
WORDS: dict[str, str | Promise] = {
    "worse": lazy("worse"), "not worse": lazy("not worse"), "undecided": lazy("undecided"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """One metric of both versions, ready to be shown."""

    name: str
    a: str
    b: str
    change: str
    span: str
    tone: str
    verdict: str | Promise
    bar: dict[str, str] | None


class Compare(Page):
    name = "compare"
    title = lazy("Compare")
    question = lazy("Is version B worse than version A?")
    key = "c"

    def show(self, visit: Visit) -> Context:
        model, a, b, choice = choose(visit)
        base: Context = {"model": model, "a": a, "b": b, **choice}
        if not (model and a is not None and b is not None):
            return base
        arms = arms_of(visit, model, a, b)
        found = compare.compare(arms.a.arm, arms.b.arm)
        language: wording.Language = "zh" if (get_language() or "").startswith("zh") else "en"
        return base | {
            "ready": True,
            "sentence": wording.sentence(found, language),
            "tone": TONES[found.verdict],
            "lines": lines(found, language),
            "missing": [wording.metric_name(name, language) for name in found.missing],
            "arms": arms,
            "most": MOST_CALLS,
            "charts": charts(visit, arms),
            "pairs": pairs(arms),
        }


def choose(visit: Visit) -> tuple[str, str | None, str | None, Context]:
    """Model and versions from the URL; else the busiest model, its main version as A and its newest as B."""
    active = calls.versions(visit.project_id, visit.span.start, visit.span.end)
    known = [version.model for version in visit.versions]
    models = list(dict.fromkeys([row.model for row in active] + known))
    model = visit.params.get("model", "")
    if model not in models:
        model = _most_versions(active) or (models[0] if models else "")
    busy = [row.version for row in active if row.model == model]
    seen = [version.version for version in visit.versions if version.model == model]
    choices = list(dict.fromkeys(busy + seen[::-1]))
    b = visit.params.get("b", "")
    if b not in choices or "b" not in visit.params:
        newest = [version for version in seen[::-1] if version in busy[1:]] or choices[1:]
        b = newest[0] if newest else ""
    a = visit.params.get("a", "")
    if a not in choices or "a" not in visit.params:
        a = next((version for version in choices if version != b), "")
    both = len(choices) > 1
    return (
        model,
        a if both else None,
        b if both else None,
        {"models": models, "choices": choices, "active": active},
    )


def _most_versions(active: Sequence[calls.VersionRow]) -> str:
    models = [row.model for row in active]
    return next((model for model in models if models.count(model) > 1), models[0] if models else "")


def lines(found: Comparison, language: wording.Language) -> list[Line]:
    """The table under the verdict, the worst first."""
    return [
        Line(
            wording.metric_name(one.metric.name, language),
            _value(one, one.stable), _value(one, one.canary), wording.change(one), wording.span(one, language),
            TONES[one.verdict], WORDS[one.verdict], _bar(one),
        )
        for one in found.differences
    ]  # fmt: skip


def _value(one: Difference, value: float) -> str:
    units = {"seconds": "seconds", "tokens/s": "tokens_per_second", "ratio": "ratio", "points": "score"}
    return numbers.show(value, units[one.metric.unit])


def _bar(one: Difference) -> dict[str, str] | None:
    """The interval as positions 0 to 150 in a small drawing; zero (ratios: one) in the middle."""
    low, high, middle = one.interval.low, one.interval.high, one.estimate
    if one.metric.way == "ratio":
        low, high, middle = (
            np.log(max(value, 1e-3)) if value < np.inf else np.inf for value in (low, high, middle)
        )
    if not all(np.isfinite(value) for value in (low, high, middle)):
        return None
    reach = max(abs(low), abs(high)) or 1.0
    places = {"low": low, "high": high, "dot": middle}
    return {name: f"{75 + 68 * value / reach:.1f}" for name, value in places.items()}


def charts(visit: Visit, arms: Arms) -> dict[str, Chart]:
    """Both versions in every chart, in their colours."""
    pick = f'model={ask.quoted(arms.model)},version=~"{arms.pattern}"'
    window = visit.span.width
    short = visit.span.window(120)

    def spread(metric: str) -> list[Frame] | ask.AskError:
        return spreads(visit, arms, f"sum by (model, version) (increase({metric}{{{pick}}}[{window}]))")

    def over(expr: str) -> list[Frame] | ask.AskError:
        return by_version(visit, expr.replace("PICK", pick).replace("[W]", f"[{short}]"))

    timed = pinned(visit)
    return {
        "latency": draw(
            "latency", "histogram", _("Latency"), spread("llm_request_duration_seconds"), unit="seconds", height=300,
            note=_("share of calls; the dashed line is p99"), marks=_p99_marks(visit, arms, pick, window),
        ),
        "ttft": draw("ttft", "histogram", _("Time to first token"), spread("llm_ttft_seconds"), unit="seconds"),
        "length": draw(
            "length", "scatter", _("Latency against prompt length"), arms.by_length(visit, BINS, POINTS_DRAWN),
            unit="seconds", x_unit="tokens", x_title=_("input tokens"), x_log=True, log=True, height=300,
            note=_("dots: calls, click to open; lines: median of equal bins"),
        ),
        "p99": draw(
            "p99", "timeseries", _("Latency p99 over time"), unit="seconds", log=True, **timed,
            frames=over("histogram_quantile(0.99, sum by (model, version) (rate(llm_request_duration_seconds{PICK}[W])))"),
        ),
        "speed": draw(
            "speed", "histogram", _("Tokens per second"), spread("llm_output_tokens_per_second"),
            unit="tokens_per_second", log=False,
        ),
        "errors": draw(
            "errors", "bar", _("Failed calls by kind"), errors(visit, arms, pick, window), unit="ratio",
            empty=_("Neither version failed in this time range."),
        ),
        "quality": draw(
            "quality", "timeseries", _("Quality"), unit="score", **timed,
            frames=over('histogram_avg(sum by (model, version) (rate(llm_score{PICK,source="judge"}[W])))'),
            empty=_("No judge has marked calls of these versions in this time range."), from_zero=False,
        ),
        "drift": draw(
            "drift", "bar", _("Drift by feature"), drift(visit, arms, pick), unit="effect",
            empty=_("No drift watch has compared these versions yet."),
        ),
        "cost": draw(
            "cost", "timeseries", _("Cost of 1000 calls"), unit="usd", **timed,
            frames=over(
                "1000 * sum by (model, version) (rate(llm_cost_usd_total{PICK}[W]))"
                " / sum by (model, version) (rate(llm_requests_total{PICK}[W]))"
            ),
            empty=_("No cost_usd was sent with the calls."),
        ),
    }  # fmt: skip


def spreads(visit: Visit, arms: Arms, expr: str) -> list[Frame] | ask.AskError:
    """The distributions of both versions, A first."""
    try:
        found = ask.spreads(visit.project_id, expr, visit.span.end)
    except ask.AskError as error:
        return error
    frames = [
        Frame(
            one.labels.get("version", "") or "—",
            {"low": one.low, "high": one.high, "count": one.count},
            one.labels,
            visit.colour(arms.model, one.labels.get("version", "")),
        )
        for one in found
    ]
    return sorted(frames, key=lambda frame: frame.labels.get("version", "") != arms.a.version)


def _p99_marks(visit: Visit, arms: Arms, pick: str, window: str) -> list[dict[str, Any]]:
    expr = f"histogram_quantile(0.99, sum by (version) (increase(llm_request_duration_seconds{{{pick}}}[{window}])))"
    try:
        found = ask.readings(visit.project_id, expr, visit.span.end)
    except ask.AskError:
        return []
    return [
        {"value": one.value, "colour": visit.colour(arms.model, one.labels.get("version", ""))}
        for one in found
    ]


def errors(visit: Visit, arms: Arms, pick: str, window: str) -> list[Frame] | ask.AskError:
    """The share of calls that failed, by kind of error."""
    expr = (
        f"sum by (version, error) (increase(llm_errors_total{{{pick}}}[{window}]))"
        f" / on (version) group_left sum by (version) (increase(llm_requests_total{{{pick}}}[{window}]))"
    )
    return _bars(visit, arms, expr, "error")


def drift(visit: Visit, arms: Arms, pick: str) -> list[Frame] | ask.AskError:
    """The newest effect of each watched feature."""
    return _bars(
        visit, arms, f"max by (version, feature) (last_over_time(llm_drift_effect{{{pick}}}[1h]))", "feature"
    )


def _bars(visit: Visit, arms: Arms, expr: str, label: str) -> list[Frame] | ask.AskError:
    try:
        found = ask.readings(visit.project_id, expr, visit.span.end)
    except ask.AskError as error:
        return error
    kinds = sorted({one.labels.get(label, "") for one in found if one.value > 0})
    frames = []
    for version in (arms.a.version, arms.b.version):
        values = {
            one.labels.get(label, ""): one.value for one in found if one.labels.get("version", "") == version
        }
        columns = {
            "category": np.array([kind.replace("_", " ") for kind in kinds]),
            "value": np.array([values.get(kind, 0.0) for kind in kinds]),
        }
        frames.append(Frame(version or "—", columns, {}, visit.colour(arms.model, version)))
    return frames if kinds else []


def pairs(arms: Arms) -> list[tuple[calls.GenerationSummary, calls.GenerationSummary]]:
    """Answers of both to like prompts among the newest calls, the most alike first."""
    left, right = ([(one, _letter_pairs(one.prompt)) for one in side.newest] for side in (arms.a, arms.b))
    ranked = sorted(
        ((_alike(ours, theirs), one, other) for one, ours in left for other, theirs in right),
        key=lambda found: -found[0],
    )
    chosen: list[tuple[calls.GenerationSummary, calls.GenerationSummary]] = []
    for alike, one, other in ranked:
        fresh = all(one is not first and other is not second for first, second in chosen)
        if alike >= LIKE_ENOUGH and fresh and len(chosen) < LIKE_PAIRS:
            chosen.append((one, other))
    return chosen


def likeness(one: str, other: str) -> float:
    """The share of letter pairs that two texts have in common: works without spaces between words too."""
    return _alike(_letter_pairs(one), _letter_pairs(other))


def _letter_pairs(text: str) -> set[str]:
    return set(map(str.__add__, text.lower(), text.lower()[1:]))


def _alike(ours: set[str], theirs: set[str]) -> float:
    common = len(ours & theirs)
    return common / max(len(ours) + len(theirs) - common, 1)


PAGE = Compare()

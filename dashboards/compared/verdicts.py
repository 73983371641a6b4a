"""Each side against the first: a sentence, a line for each measure, and the difference at every quantile."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from django.utils.functional import Promise
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from dashboards import numbers
from dashboards.charts import Chart, draw
from dashboards.compared.arms import Loaded
from dashboards.compared.sides import Side
from dashboards.panels.base import Frame
from monitor.canary import compare, wording, words
from monitor.canary.compare import Comparison, Difference, Metric

ALPHA = 0.05
TONES = {"worse": "bad", "not worse": "good", "undecided": "unknown"}
WORST_FIRST = ("bad", "unknown", "good")
WORDS: dict[str, str | Promise] = {
    "worse": lazy("worse"), "not worse": lazy("not worse"), "undecided": lazy("undecided"),
}  # fmt: skip
UNITS = {"seconds": "seconds", "tokens/s": "tokens_per_second", "ratio": "ratio", "points": "score"}
QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)
CURVE = tuple(
    Metric(f"p{100 * q:.0f}", "duration", "quantile", "seconds", 0.03, 0.1, q=q, relative=True) for q in QUANTILES
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """One measure of both sides, ready to be shown."""

    name: str
    a: str
    b: str
    change: str
    span: str
    tone: str
    verdict: str | Promise
    bar: dict[str, str] | None


@dataclass(frozen=True, slots=True)
class Against:
    """One side against the first."""

    side: Side
    n: int
    found: Comparison
    sentence: str
    tone: str
    lines: list[Line]
    missing: list[str]


def language() -> wording.Language:
    return "zh" if (get_language() or "").startswith("zh") else "en"


def against(loaded: Sequence[Loaded]) -> list[Against]:
    """Every other side against the first; their intervals hold together."""
    first, *others = loaded
    share = ALPHA / max(len(others), 1)
    told = []
    for one in others:
        found = compare.compare(first.arm, one.arm, alpha=share)
        missing = [wording.metric_name(name, language()) for name in found.missing]
        sentence, tone = wording.sentence(found, language()), TONES[found.verdict]
        told.append(Against(one.side, one.n, found, sentence, tone, lines(found), missing))
    return told


def counted(loaded: Sequence[Loaded]) -> str:
    """How many calls each side has, as a sentence."""
    marks = words.MARKS[language()]
    sides = [
        f"{one.side.letter.upper()} {one.side.label}{marks.colon}"
        + ngettext("%(n)s call", "%(n)s calls", one.n) % {"n": one.n}
        for one in loaded
    ]
    return marks.semicolon.join(sides) + (". " if language() == "en" else "。")


def tone(told: Sequence[Against]) -> str:
    """Of all verdicts the worst."""
    return min((one.tone for one in told), key=WORST_FIRST.index, default="unknown")


def lines(found: Comparison) -> list[Line]:
    """The table under the verdict, the worst first."""
    return [
        Line(
            wording.metric_name(one.metric.name, language()),
            _value(one, one.stable), _value(one, one.canary), wording.change(one), wording.span(one, language()),
            TONES[one.verdict], WORDS[one.verdict], _bar(one),
        )
        for one in found.differences
    ]  # fmt: skip


def _value(one: Difference, value: float) -> str:
    return numbers.show(value, UNITS[one.metric.unit])


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


def curve(loaded: Sequence[Loaded]) -> dict[str, list[Difference]]:
    """By letter the difference in latency at each quantile, the smallest quantile first."""
    first, *others = loaded
    share = ALPHA / max(len(others), 1)
    return {
        one.side.letter: sorted(
            compare.compare(first.arm, one.arm, metrics=CURVE, alpha=share).differences,
            key=lambda found: found.metric.q,
        )
        for one in others
    }


def curve_chart(loaded: Sequence[Loaded], found: dict[str, list[Difference]]) -> Chart:
    """The differences as bars with their intervals; an interval without an end is not drawn."""
    frames = [_curve_frame(one.side, found[one.side.letter]) for one in loaded[1:] if found[one.side.letter]]
    return draw(
        "curve", "bar", _("Difference in latency, by quantile"), frames, unit="seconds", height=300,
        note=_("against %(name)s; above zero: slower; the whiskers hold together with 95 %%")
        % {"name": loaded[0].side.label},
        empty=_("At least one side sent no durations."),
    )  # fmt: skip


def _curve_frame(side: Side, found: Sequence[Difference]) -> Frame:
    ends = np.array([[one.interval.low, one.interval.high] for one in found])
    columns = {
        "category": np.array([one.metric.name for one in found]),
        "value": np.array([one.estimate for one in found]),
        "low": np.where(np.isfinite(ends[:, 0]), ends[:, 0], np.nan),
        "high": np.where(np.isfinite(ends[:, 1]), ends[:, 1], np.nan),
    }
    return Frame(side.label, columns, {}, side.colour)

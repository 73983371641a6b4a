"""What drift found, in words: one sentence over all signals, one over each, and what those that learn still need."""

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext

from monitor.drift import read

STATES: dict[str, tuple[str, str | Promise]] = {
    "drift": ("bad", lazy("drifted")), "warning": ("warn", lazy("unusual")), "ok": ("good", lazy("as always")),
    "learning": ("unknown", lazy("learning")), "unknown": ("unknown", lazy("unknown")),
}  # fmt: skip
# log10 of the largest evidence that is told in figures
MOST_ODDS = 9.0
QUIET = {"unknown", "learning"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer of the page: ``word`` in its tone, a sentence, and since when, where something moved."""

    tone: str
    word: str | Promise
    text: str
    since: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Learning:
    """The signals of one version that have said nothing yet. ``ready``: when they will; None: nobody knows."""

    model: str
    version: str
    n: int
    ready: dt.datetime | None


def verdict(signals: Sequence[read.SignalRow]) -> Verdict | None:
    """One sentence for who was woken; None without any signal."""
    by_state = {state: [one for one in signals if one.state == state and one.enabled] for state in STATES}
    for state in ("drift", "warning"):
        if by_state[state]:
            return _moved(state, by_state[state])
    if by_state["ok"]:
        n, versions = len(by_state["ok"]), len({(one.model, one.version) for one in by_state["ok"]})
        said = ngettext(
            "Nothing has moved: %(n)s signal is as always.",
            "Nothing has moved: %(n)s signals are as always.",
            n,
        ) % {"n": n}
        if versions > 1:
            said = _("Nothing has moved: %(n)s signals of %(versions)s versions are as always.") % {
                "n": n, "versions": versions,
            }  # fmt: skip
        return Verdict("good", STATES["ok"][1], said)
    if by_state["learning"]:
        return Verdict("unknown", STATES["learning"][1], _(
            "Too early to say: no version has been known for six hours yet."
        ))  # fmt: skip
    if by_state["unknown"]:
        return Verdict("unknown", STATES["unknown"][1], _(
            "Nothing can be said: no signal has calls to judge. The reasons are below."
        ))  # fmt: skip
    return None


def _moved(state: str, rows: Sequence[read.SignalRow]) -> Verdict:
    """The surest one, and how many more."""
    top, rest = told(rows[0]), len(rows) - 1
    words = {"what": top.headline, "version": rows[0].version or rows[0].model, "n": rest}
    if not rest:
        text = _("%(version)s: %(what)s.") % words
    else:
        text = (
            ngettext(
                "%(version)s: %(what)s. %(n)s more signal moved.",
                "%(version)s: %(what)s. %(n)s more signals moved.",
                rest,
            )
            % words
        )
    if state == "warning":
        text += " " + _("Not sure enough for a page.")
    return Verdict(STATES[state][0], STATES[state][1], text, rows[0].since)


def learning(signals: Sequence[read.SignalRow]) -> list[Learning]:
    """By version, who is ready first coming first."""
    found: dict[tuple[str, str], list[read.SignalRow]] = {}
    for one in signals:
        if one.state == "learning":
            found.setdefault((one.model, one.version), []).append(one)
    rows = [
        Learning(model, version, len(each), min((one.ready for one in each if one.ready), default=None))
        for (model, version), each in found.items()
    ]
    return sorted(rows, key=lambda row: (row.ready is None, str(row.ready), row.model, row.version))


@dataclass(frozen=True, slots=True)
class Told:
    """A signal in words and tones."""

    row: read.SignalRow
    tone: str
    word: str | Promise
    effect: str
    normal: str
    headline: str


def told(row: read.SignalRow) -> Told:
    tone, word = STATES.get(row.state, ("unknown", row.state))
    if row.effect is None or row.low is None or row.high is None:
        return Told(row, tone, word, "", "", row.reason)
    said = shown(row.effect, row.scale)
    normal = f"{shown(row.low, row.scale)} … {shown(row.high, row.scale)}"
    words = {"what": row.label, "effect": said, "normal": normal, "top": row.top}
    if row.top:
        headline = _("%(what)s “%(top)s”: %(effect)s (normal %(normal)s)") % words
    else:
        headline = _("%(what)s: %(effect)s (normal %(normal)s)") % words
    return Told(row, tone, word, said, normal, headline)


def amount(value: float | None, reading: str) -> str:
    """A mean of the calls of a slice, as it is to be read."""
    if value is None:
        return "—"
    match reading:
        case "log":
            return f"{math.exp(value):.3g}"
        case "share":
            return f"{value:.1%}"
        case _:
            return f"{value:.3g}"


def odds(evidence: float) -> str:
    """log10 of an e-value as people read it."""
    return _("over a billion") if evidence >= MOST_ODDS else f"{10.0 ** max(0.0, evidence):,.0f}"


def shown(value: float, scale: str) -> str:
    """An effect in the unit that people read."""
    match scale:
        case "percent":
            return f"{value:+.0%}"
        case "points":
            return _("%(points)s points") % {"points": f"{value * 100:+.1f}"}
        case "ratio":
            return f"{value:.2f}×"
        case "radius":
            return _("%(radii)s radii") % {"radii": f"{value:.2f}"}
        case "deviations":
            return _("%(n)s deviations") % {"n": f"{value:+.2f}"}
        case _:
            return f"{value:+.2f}"

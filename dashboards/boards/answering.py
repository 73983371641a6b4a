"""Panels answered within a time: kept for a moment for everybody who looks, slow ones last, failing ones alone."""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from django.core.cache import cache
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from dashboards import ask
from dashboards.boards import asking, kinds, known, spelling
from dashboards.boards.fill import Scope, Value, put, used
from dashboards.boards.kinds import Drawing, Drawn, html
from dashboards.boards.layout import Cell
from dashboards.boards.transform import BadTransformationError, apply
from monitor import query
from monitor.core import clock

# everybody on a refresh of 5 s is answered by one asking
HOLD_SECONDS = 4
FIXED_HOLD_SECONDS = 60
LONGEST_HOLD_SECONDS = 60
# a panel that took so long is asked after the quick ones
SLOW_SECONDS = 0.5
# no single panel gets more than this
MOST_SECONDS = 8.0
LEAST_SECONDS = 0.2
# a panel may keep a core busy for at most a tenth of the time
REST = 10
FORM = "3"
log = logging.getLogger("vigil.boards")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a panel shows now. ``digest`` changes with any of it."""

    digest: str
    html: str
    figure: dict[str, Any] | None
    note: str = ""
    state: str = ""

    def body(self) -> dict[str, Any]:
        return {
            "digest": self.digest,
            "html": self.html,
            "figure": self.figure,
            "note": self.note,
            "state": self.state,
        }


@dataclass(frozen=True, slots=True)
class Asker:
    """For whom panels are answered: the project, the variables and span, and the marks of the page."""

    project_id: int
    scope: Scope
    versions: Mapping[str, str]
    marks: Sequence[Mapping[str, Any]] = ()
    # a moving span is named; a fixed one by its ends
    moving: str = ""


def answers(
    asker: Asker, cells: Sequence[Cell], seconds: float, *, first: bool = False
) -> tuple[dict[str, Answer], list[str]]:
    """(answers by key, keys that did not get their turn). ``first``: nobody waits; what is slow comes later."""
    keys = {cell.key: f"boards:panel:{_mark(asker, cell)}" for cell in cells}
    kept = cache.get_many([*keys.values(), *(f"{key}:took" for key in keys.values())])
    found = {key: kept[name] for key, name in keys.items() if name in kept}
    missing = [cell for cell in cells if cell.key not in found]
    missing.sort(key=lambda cell: kept.get(f"{keys[cell.key]}:took", 0.0))
    began, later = clock.monotonic(), []
    slow = {cell.key for cell in missing if kept.get(f"{keys[cell.key]}:took", 0.0) > SLOW_SECONDS}
    soon = [cell for cell in missing if not (first and cell.key in slow)]
    limits = replace(ask.LIMITS, seconds=min(seconds, MOST_SECONDS))
    with query.together(asker.project_id, _questions(asker, soon), limits=limits):
        for cell in missing:
            left = seconds - (clock.monotonic() - began)
            if (left < LEAST_SECONDS and found) or (first and (cell.key in slow or left < LEAST_SECONDS)):
                later.append(cell.key)
                continue
            share = max(min(left, MOST_SECONDS), LEAST_SECONDS)
            answer, took, late = _timed(asker, cell, share)
            if late and first:
                cache.set(f"{keys[cell.key]}:took", max(took, 2 * SLOW_SECONDS), 600)
                later.append(cell.key)
                continue
            found[cell.key] = answer
            _keep(keys[cell.key], answer, took, _hold(asker, cell))
    return found, later


def _questions(asker: Asker, cells: Sequence[Cell]) -> list[query.Asking]:
    """What the panels are going to ask; one that can't say so tells why when it is drawn."""
    found: list[query.Asking] = []
    for cell in cells:
        if cell.panel.kind not in {"text", "row"}:
            with suppress(Exception):
                found += asking.questions(asker.project_id, cell.panel, _scope(asker, cell))
    return found


def _scope(asker: Asker, cell: Cell) -> Scope:
    """The variables as the panel sees them, and its time: of its own where it says so."""
    scope = replace(asker.scope, values={**asker.scope.values, **cell.own})
    width, back = _own_time(cell, scope)
    return replace(scope, span=scope.span.within(width, back)) if width or back else scope


def _own_time(cell: Cell, scope: Scope) -> tuple[str, str]:
    width, back = (put(str(cell.panel.options.get(name) or ""), scope) for name in ("range", "shift"))
    return width, back


def one(asker: Asker, cell: Cell) -> Answer:
    """One panel, asked now: for the editor."""
    return _timed(asker, cell, MOST_SECONDS)[0]


def _hold(asker: Asker, cell: Cell) -> float:
    """For how many seconds an answer stands: a third of the distance of its points, which is all that it can tell."""
    if not asker.moving:
        return FIXED_HOLD_SECONDS
    return min(max(HOLD_SECONDS, asking.step_of(cell.panel, asker.scope) / 3), LONGEST_HOLD_SECONDS / 2)


def _keep(key: str, answer: Answer, took: float, hold: float) -> None:
    cache.set(key, answer, min(max(hold, took * REST), LONGEST_HOLD_SECONDS))
    if took > SLOW_SECONDS:
        cache.set(f"{key}:took", took, 600)


def _timed(asker: Asker, cell: Cell, seconds: float) -> tuple[Answer, float, bool]:
    began = clock.monotonic()
    drawn, note, state, late = _drawn(asker, cell, seconds)
    try:
        answer = _answer(drawn, note, state)
    except (TypeError, ValueError) as error:
        # a figure that can't travel is its panel's trouble, too
        answer = _answer(_broken(cell, error), "", "bad")
    return answer, clock.monotonic() - began, late


def _answer(drawn: Drawn, note: str, state: str) -> Answer:
    text = drawn.html if drawn.html or drawn.figure else html("empty", why=drawn.empty)
    whole = msgspec.json.encode([text, drawn.figure, note, state])
    return Answer(hashlib.blake2b(whole, digest_size=6).hexdigest(), text, drawn.figure, note, state)


def _broken(cell: Cell, error: Exception) -> Drawn:
    """A document of somebody else's may hold what nobody thought of: its panel says so, its neighbours go on."""
    log.error("panel %s of kind %s could not be drawn", cell.key, cell.panel.kind, exc_info=error)
    said = _("This panel could not be drawn: %(why)s") % {"why": f"{type(error).__name__}: {error}"}
    return Drawn(html("error", said=said, hint=False))


def _drawn(asker: Asker, cell: Cell, seconds: float) -> tuple[Drawn, str, str, bool]:
    """(what is drawn, a note below the title, its state, whether it took too long)."""
    scope, panel = _scope(asker, cell), cell.panel
    if panel.kind in {"text", "row"}:
        return kinds.of("text")(Drawing(cell.key, panel, [], scope)), "", "", False
    try:
        answer = asking.panel(asker.project_id, panel, scope, seconds)
        tables = apply(answer.tables, panel.transformations)
        scope = replace(scope, step_seconds=asking.step_of(panel, scope))
        drawing = Drawing(cell.key, panel, tables, scope, asker.versions, asker.marks, answer.exprs)
        drawn = kinds.of(panel.kind)(drawing)
        if drawn.empty and not answer.tables:
            drawn = replace(drawn, empty=_why(asker, answer) or drawn.empty)
        return drawn, _note(answer, *_own_time(cell, scope)), "", False
    except ask.AskError as error:
        late = error.kind == "timeout" or "timed out" in str(error)
        said = (
            _("It took longer than %(n)s s; it is asked less often now.") % {"n": f"{seconds:.0f}"}
            if late
            else str(error)
        )
        return Drawn(html("error", said=said, hint=late)), "", "bad", late
    except BadTransformationError as error:
        return Drawn(html("error", said=str(error), hint=False)), "", "bad", False
    except Exception as error:  # noqa: BLE001 — whatever it is
        return _broken(cell, error), "", "bad", False


def _why(asker: Asker, answer: asking.Answer) -> str:
    """Why nothing answers, where that is known: a metric that nobody sends."""
    names = known.names(asker.project_id, asker.scope.span.end)
    unknown = [name for expr in answer.exprs for name in spelling.missing(expr, names)]
    if not unknown:
        return ""
    return _("Nobody sends %(name)s to this project.") % {"name": ", ".join(dict.fromkeys(unknown[:3]))}


def _note(answer: asking.Answer, width: str, back: str) -> str:
    said = [
        _("the last %(w)s") % {"w": width} if width else "",
        _("%(w)s earlier") % {"w": back} if back else "",
        _("windows of %(w)s: samples are sparse") % {"w": answer.widened} if answer.widened else "",
        _("%(n)s more series are not drawn") % {"n": answer.cut} if answer.cut and not answer.widened else "",
    ]
    return " · ".join(filter(None, said))


def _mark(asker: Asker, cell: Cell) -> str:
    """Changes with everything that the answer depends on, but not with the moment."""
    texts = [one.expr + one.least_step for one in cell.panel.queries] + [
        str(cell.panel.options.get("content", ""))
    ]
    texts += [str(cell.panel.options.get(name, "")) for name in ("a", "b", "range", "shift")] + [
        one.link for one in cell.panel.overrides
    ]
    names = set().union(*(used(text) for text in texts)) if texts else set()
    values: Mapping[str, Value] = {**asker.scope.values, **cell.own}
    chosen = {name: values[name] for name in sorted(names & values.keys())}
    span = asker.moving or f"{asker.scope.span.start} {asker.scope.span.end}"
    parts = msgspec.json.encode([
        FORM, asker.project_id, span, get_language(), cell.key, msgspec.to_builtins(cell.panel), repr(chosen), list(asker.marks),
    ])  # fmt: skip
    return hashlib.blake2b(parts, digest_size=16).hexdigest()


def title(cell: Cell, scope: Scope) -> str:
    """The panel's title with its variables put in."""
    return put(cell.panel.title, replace(scope, values={**scope.values, **cell.own}), "text")

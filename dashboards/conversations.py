"""Calls beside calls: two answers compared, the session that a call belongs to, calls with like prompts."""

import datetime as dt
from typing import Any

from django.utils.translation import gettext as _

from dashboards import diffs, numbers
from dashboards.pages.base import Context, MissingError
from dashboards.visit import Visit
from monitor.ingest import calls

# of a long session the last calls
MOST_TURNS = 100
# a session lasts at most so long before and after the call from which one came
REACH = dt.timedelta(days=7)
NEAR = dt.timedelta(days=1)
LIKE = 5
LEAST_ALIKE = 0.7


def diff(visit: Visit) -> Context:
    """Two calls by ``a`` and ``b`` of the address."""
    found = [_wanted(visit, letter) for letter in "ab"]
    one, other = found
    prompts, outputs = diffs.compare(one.prompt, other.prompt), diffs.compare(one.output, other.output)
    return {
        "both": [
            {"letter": letter, "call": call.summary, "prompt": prompt, "output": output, "facts": _figures(call.summary)}
            for letter, call, prompt, output in zip("AB", found, prompts, outputs, strict=True)
        ],
        "same_prompt": one.prompt == other.prompt,
        "swapped": visit.here(a=visit.params.get("b", ""), b=visit.params.get("a", "")),
    }  # fmt: skip


def _wanted(visit: Visit, letter: str) -> calls.GenerationDetail:
    identity = calls.identity(visit.params.get(letter, ""))
    found = calls.one(visit.project_id, identity) if identity else None
    if found is None:
        message = _("There is no such call in this project. It may be older than what is kept.")
        raise MissingError(message)
    return found


def _figures(call: calls.GenerationSummary) -> list[tuple[str, str]]:
    return [
        (_("latency"), numbers.show(call.duration_seconds, "seconds")),
        (_("time to first token"), numbers.show(call.ttft_seconds, "seconds")),
        (_("input tokens"), numbers.show(call.input_tokens, "count")),
        (_("output tokens"), numbers.show(call.output_tokens, "count")),
        (_("cost"), numbers.show(call.cost_usd, "usd")),
    ]


def session_link(visit: Visit, call: calls.GenerationSummary) -> str:
    """The address of the session of a call; empty without one."""
    if not call.session:
        return ""
    return visit.to("generations/session", id=call.session, call=str(call.id))


def session(visit: Visit) -> Context:
    """The calls of a session around the call one came from, else within the time of the page."""
    name = visit.params.get("id", "")
    identity = calls.identity(visit.params.get("call", ""))
    origin = calls.one(visit.project_id, identity) if identity else None
    start, end = visit.span.start, visit.span.end
    if origin is not None:
        start, end = origin.summary.started_at - REACH, origin.summary.started_at + REACH
    found, more = (
        calls.page(calls.Filter(visit.project_id, start, end, session=name), limit=MOST_TURNS)
        if name
        else ([], "")
    )
    if not found:
        message = _("There is no call of the session “%(name)s” in this time range.") % {"name": name}
        raise MissingError(message)
    ordered = sorted(found, key=lambda call: (call.started_at, call.id))
    counts = [n for call in ordered for n in (call.input_tokens, call.output_tokens) if n is not None]
    costs = [call.cost_usd for call in ordered if call.cost_usd is not None]
    last = ordered[-1]
    lasted = (last.started_at - ordered[0].started_at).total_seconds() + (last.duration_seconds or 0.0)
    return {
        "session": name,
        "chosen": identity,
        "calls": _turns(visit, ordered),
        "more": bool(more),
        "lasted": lasted,
        "failed": sum(call.error is not None for call in ordered),
        "tokens": sum(counts) if counts else None,
        "cost": sum(costs) if costs else None,
    }


def _turns(visit: Visit, ordered: list[calls.GenerationSummary]) -> list[dict[str, Any]]:
    """Each call with its texts whole, how long the user took before it, and a link to its difference."""
    texts = {one.id: one for one in calls.several(visit.project_id, [one.id for one in ordered])}
    return [
        _turn(visit, call, texts.get(call.id, call), before)
        for before, call in zip([None, *ordered], ordered, strict=False)
    ]


def _turn(
    visit: Visit,
    call: calls.GenerationSummary,
    texts: calls.GenerationDetail | calls.GenerationSummary,
    before: calls.GenerationSummary | None,
) -> dict[str, Any]:
    pause = (
        (call.started_at - before.started_at).total_seconds() - (before.duration_seconds or 0.0)
        if before
        else 0
    )
    return {
        "call": call,
        "prompt": texts.prompt,
        "output": texts.output,
        "pause": pause if pause >= 1 else 0,
        "differs": visit.to("generations/diff", a=str(before.id), b=str(call.id)) if before else "",
    }


def alike(visit: Visit, call: calls.GenerationSummary) -> list[dict[str, Any]]:
    """Calls whose prompts mean about the same, nearest first; none while there are no vectors."""
    span = (call.started_at - NEAR, call.started_at + NEAR)
    found = []
    for identity, far in calls.nearest(visit.project_id, call.id, span, LIKE):
        other = calls.one(visit.project_id, identity)
        if other is not None and 1.0 - far >= LEAST_ALIKE:
            found.append({"call": other.summary, "alike": 1.0 - far})
    return found

"""Generations: what did users ask, and what did the model say? A list with filters, and one call whole."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from dashboards import conversations, grounds, reading, weights
from dashboards.pages.base import Context, Form, MissingError, Page
from dashboards.visit import Visit
from monitor.ingest import calls

LIMIT = 50
# characters of a prompt or answer in a row of the list
SHOWN = 130
MARKS = (0, 1, 2, 3, 4, 5)
# the fields a list can be narrowed by, as they stand in the address
FILTERS: Mapping[str, str | Promise] = {
    "q": lazy("text"), "model": lazy("model"), "version": lazy("version"), "errors": lazy("failed only"),
    "slower": lazy("slower than (s)"), "topic": lazy("topic"), "tenant": lazy("tenant"), "language": lazy("language"),
    "route": lazy("route"), "environment": lazy("environment"), "grounding": lazy("grounding"),
    "error": lazy("error"), "session": lazy("session"),
}  # fmt: skip
GROUNDINGS: Mapping[str, str | Promise] = {
    "used": lazy("documents used"), "unused": lazy("documents not used"), "empty": lazy("no documents found"),
}  # fmt: skip
STRETCHES: Mapping[str, str | Promise] = {
    "queue": lazy("queue"), "prefill": lazy("prefill"), "decode": lazy("decode"), "inference": lazy("inference"),
}  # fmt: skip
# who gives marks
SOURCES: Mapping[str, str | Promise] = {
    "judge": lazy("judge"), "human": lazy("person"), "rule": lazy("rule"), "reference": lazy("compared with a reference"),
}  # fmt: skip
CHOICES = ("topic", "tenant", "language", "grounding", "error")


class Generations(Page):
    name = "generations"
    title = lazy("Generations")
    question = lazy("What did users ask, and what did it say?")
    key = "n"
    routes: ClassVar = (
        ("", "show", "pages/generations.html"),
        ("<uuid:generation_id>/", "detail", "pages/generation.html"),
        ("diff/", "diff", "pages/generation_diff.html"),
        ("session/", "session", "pages/generation_session.html"),
    )
    acts: ClassVar = {"": "labeller", "score": "editor"}

    def show(self, visit: Visit) -> Context:
        wanted = wanted_calls(visit)
        found, before = calls.page(wanted, before=visit.params.get("before", ""), limit=LIMIT)
        words = calls.words(wanted.text)
        return {
            "calls": found,
            "rows": [(one, excerpt(one.prompt, words), excerpt(one.output, words)) for one in found],
            "next": visit.here(before=before) if before else "",
            "first": visit.here(before="") if visit.params.get("before") else "",
            "chips": chips(visit),
            "choices": choices(visit),
            "names": FILTERS,
            "groundings": GROUNDINGS,
            "models": list(dict.fromkeys(version.model for version in visit.versions)),
        }

    def detail(self, visit: Visit, generation_id: UUID) -> Context:
        found = calls.one(visit.project_id, generation_id)
        if found is None:
            message = _("There is no such call in this project. It may be older than what is kept.")
            raise MissingError(message)
        summary, more = found.summary, found.detail
        return {
            "call": summary,
            "whole": found,
            "lanes": reading.lanes(
                summary.duration_seconds,
                summary.queue_seconds,
                summary.ttft_seconds,
                summary.inference_seconds,
            ),
            "prompt": turns(more.get("prompt_messages"), found.prompt),
            "output": turns(more.get("output_messages"), found.output),
            "grounds": grounds.of(found),
            "strip": grounds.strip(more.get("tokens") or ()),
            **weights.of(visit.project_id, found),
            "may_score": visit.place.allows("editor"),
            "redactions": more.get("redactions") or {},
            "attributes": more.get("attributes") or {},
            "user": more.get("user", ""),
            "reference": more.get("reference", ""),
            "facts": facts(found),
            "marks": MARKS,
            "sources": SOURCES,
            "stretches": STRETCHES,
            "groundings": GROUNDINGS,
            "mine": mine(found, visit.person),
            "may_rate": visit.place.allows("labeller"),
            "session_link": conversations.session_link(visit, summary),
            "alike": conversations.alike(visit, summary),
        }

    def diff(self, visit: Visit) -> Context:
        """Two answers, what only one of them says marked."""
        return conversations.diff(visit)

    def session(self, visit: Visit) -> Context:
        """All calls of one session, in their order."""
        return conversations.session(visit)

    def act(self, visit: Visit, form: Form, **place: Any) -> HttpResponse | Context:
        if form.get("do") == "score" and "generation_id" in place:
            weights.ask(visit, place["generation_id"])
            return redirect(visit.path)
        if "generation_id" not in place or form.get("mark", "") not in {str(mark) for mark in MARKS}:
            message = _("A mark is a whole number from 0 to 5.")
            raise MissingError(message)
        reason = form.get("reason", "").strip()[:2000]
        try:
            calls.rate(
                visit.project_id,
                place["generation_id"],
                float(form["mark"]),
                reason,
                visit.person,
                now=visit.now,
            )
        except calls.UnknownGenerationError as error:
            raise MissingError(
                _("There is no such call in this project. It may be older than what is kept.")
            ) from error
        return redirect(visit.path)


def excerpt(text: str, words: Sequence[str]) -> list[reading.Piece]:
    """As much of a text as fits into a row, with what was sought marked and in sight."""
    text = reading.from_found(text, words)
    return reading.highlighted(text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…", words)


def wanted_calls(visit: Visit) -> calls.Filter:
    """The filter that the address asks for."""
    asked = {name: visit.params.get(name, "").strip() for name in FILTERS}
    try:
        slower = float(asked["slower"]) if asked["slower"] else None
    except ValueError:
        slower = None
    return calls.Filter(
        visit.project_id, visit.span.start, visit.span.end,
        model=asked["model"], version=asked["version"] if "version" in visit.params else None,
        environment=asked["environment"], route=asked["route"], tenant=asked["tenant"], topic=asked["topic"],
        language=asked["language"], grounding=asked["grounding"], error=asked["error"], session=asked["session"],
        errors_only=asked["errors"] == "1", text=asked["q"].replace("\x00", ""), least_seconds=slower,
    )  # fmt: skip


def chips(visit: Visit) -> list[dict[str, Any]]:
    """The filters that are on, each with the address without it."""
    return [
        {"name": FILTERS[name], "value": _shown(name, visit.params[name]), "without": visit.here(**{name: "", "before": ""})}
        for name in FILTERS
        if visit.params.get(name)
    ]  # fmt: skip


def _shown(name: str, value: str) -> str | Promise:
    """What a filter is set to; a switch is only on."""
    if name == "errors":
        return ""
    return GROUNDINGS.get(value, value) if name == "grounding" else value


def mine(found: calls.GenerationDetail, person: str) -> float | None:
    """The mark that this person gave on this page; labels of judges' marks are given elsewhere."""
    return next(
        (
            one.value
            for one in found.scores
            if (one.name, one.source, one.author) == (calls.RATED, "human", person)
        ),
        None,
    )


def choices(visit: Visit) -> dict[str, list[str]]:
    """What the dimensions can be narrowed to."""
    span = visit.span
    return calls.values_of(visit.project_id, span.start, span.end, CHOICES)


def turns(messages: Any, text: str) -> list[dict[str, Any]]:
    """A conversation by its turns; a plain text is one turn without a role."""
    if isinstance(messages, list) and messages:
        return [
            {"role": str(one.get("role", "")), "pieces": reading.marked(_content(one))}
            for one in messages
            if isinstance(one, Mapping)
        ]
    return [{"role": "", "pieces": reading.marked(text)}] if text else []


def _content(message: Mapping[str, Any]) -> str:
    content = message.get("content") or message.get("parts") or ""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else [content]
    return "\n".join(
        str(part.get("text") or part.get("content") or part) if isinstance(part, Mapping) else str(part)
        for part in parts
    )


def facts(found: calls.GenerationDetail) -> list[tuple[str | Promise, str]]:
    """What is known of the call besides its text; unknown things are left out."""
    one = found.summary
    listed: list[tuple[str | Promise, str]] = [
        (_("Sender’s id"), one.client_id), (_("Route"), one.route), (_("Operation"), found.operation),
        (_("Provider"), found.provider), (_("Environment"), one.environment), (_("Finish reason"), one.finish_reason),
        (_("Topic"), one.topic), (_("Template"), one.template), (_("Tenant"), one.tenant),
        (_("Language"), one.language), (_("Session"), one.session), (_("Trace"), one.trace_id),
        (_("Span"), found.span_id), (_("Grounding"), str(GROUNDINGS.get(one.grounding, one.grounding))),
    ]  # fmt: skip
    return [(name, value) for name, value in listed if value]


PAGE = Generations()

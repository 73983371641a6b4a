"""What pages ask about calls: the versions there are, lists of calls, one call, and its rating by a person."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy.typing as npt

from monitor.core import clock
from monitor.core.labels import NAME, Matcher
from monitor.ingest import choices
from monitor.ingest.redaction.redactor import Redactor
from monitor.store.calls import embeddings, generations, lately, scores, search
from monitor.store.calls.embeddings import Pool
from monitor.store.calls.generations import Filter, GenerationDetail, GenerationSummary
from monitor.store.calls.lately import Version as Active
from monitor.store.calls.scores import ScoreRow, UnknownGenerationError
from monitor.store.reading import catalog

__all__ = [
    "RATED", "Active", "Filter", "GenerationDetail", "GenerationSummary", "Pool", "UnknownGenerationError", "Version", "columns", "identity",
    "known_versions", "like_prompts", "nearest", "one", "page", "rate", "redacted", "several", "values_of", "versions", "words",
]  # fmt: skip

FAR_MS = 2**62
# the name under which people mark a call on its own page
RATED = "quality"


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a model that the project has seen."""

    model: str
    version: str
    first_seen: dt.datetime
    last_seen: dt.datetime

    @property
    def name(self) -> str:
        return f"{self.model} {self.version}".strip()


def known_versions(project_id: int) -> list[Version]:
    """Every model version that ever sent a call, the oldest first; read from the series, not from the calls."""
    spans: dict[tuple[str, str], tuple[int, int]] = {}
    matchers = [[Matcher(NAME, "=", "llm_requests_total")]]
    for known in catalog.found(project_id, matchers, 0, FAR_MS):
        key = (known.labels.get("model", ""), known.labels.get("version", ""))
        first, last = spans.get(key, (known.first_ms, known.last_ms))
        spans[key] = (min(first, known.first_ms), max(last, known.last_ms))
    found = [
        Version(model, version, clock.from_ms(first), clock.from_ms(last))
        for (model, version), (first, last) in spans.items()
    ]
    return sorted(found, key=lambda one: (one.first_seen, one.name))


def page(wanted: Filter, *, before: str = "", limit: int = 50) -> tuple[list[GenerationSummary], str]:
    """The newest calls before ``before``, and what to pass as ``before`` for the next page (empty: no more)."""
    found = generations.page(wanted, before=identity(before), limit=limit + 1)
    more = len(found) > limit
    return found[:limit], str(found[limit - 1].id) if more else ""


def words(text: str) -> list[str]:
    """What a search for ``text`` looks for: words, and phrases in quotes."""
    return search.terms(text)


def one(project_id: int, generation_id: UUID) -> GenerationDetail | None:
    """One call whole."""
    return generations.one(project_id, generation_id)


def several(project_id: int, identities: Sequence[UUID]) -> list[GenerationDetail]:
    """Calls whole, oldest first; those that are not there are left out."""
    return generations.many(project_id, identities)


def columns(  # noqa: PLR0913 — each argument narrows what is read
    project_id: int, start: dt.datetime, end: dt.datetime, names: Sequence[str], *, model: str, version: str,
    environment: str = "", limit: int, slices: int = 1,
) -> dict[str, npt.NDArray[Any]]:  # fmt: skip
    """Columns of one version's calls, oldest first; NaN: unknown. The newest, or the newest of each time slice."""
    return generations.columns(
        project_id, start, end, names, model=model, version=version, environment=environment, limit=limit,
        slices=slices,
    )  # fmt: skip


def like_prompts(project_id: int, ours: Pool, theirs: Pool) -> list[tuple[UUID, UUID, float]]:
    """Calls of two pools whose prompts mean the most alike, by their vectors, nearest first; none without vectors."""
    return embeddings.pairs(project_id, ours, theirs)


def nearest(
    project_id: int, generation_id: UUID, span: tuple[dt.datetime, dt.datetime], limit: int
) -> list[tuple[UUID, float]]:
    """The calls of the span whose prompts mean the most like one call's, with their cosine distances."""
    return embeddings.nearest(project_id, generation_id, span, limit=limit)


def versions(project_id: int, start: dt.datetime, end: dt.datetime, *, most: int) -> list[Active]:
    """The model versions that had calls in the span, most calls first; no more than ``most`` of each are counted."""
    return lately.versions(project_id, start, end, most=most)


def values_of(
    project_id: int, start: dt.datetime, end: dt.datetime, names: Sequence[str]
) -> dict[str, list[str]]:
    """The commonest values of dimensions among the newest calls, for filters."""
    return generations.values_of(project_id, start, end, names)


def rate(
    project_id: int, generation_id: UUID, value: float, reason: str, author: str, *, now: dt.datetime
) -> None:
    """A person's mark on a call, 0 to 5; a second one by anybody replaces the first."""
    clean = Redactor(choices.policy_of(project_id, now=now)).text
    row = ScoreRow(generation_id, RATED, "human", value, clean(reason), author)
    scores.put(project_id, [row], now=now)


def redacted(project_id: int, text: str, *, now: dt.datetime) -> str:
    """What a person wrote, fit for storing."""
    return Redactor(choices.policy_of(project_id, now=now)).text(text)


def identity(text: str) -> UUID | None:
    """The id in ``text``; None for anything that is no id."""
    try:
        return UUID(text)
    except ValueError:
        return None

"""What pages may know about judges and their verdicts: plain dataclasses, no querysets, no secrets."""

import datetime as dt
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, Q
from django.utils.translation import gettext_lazy as _

from monitor.core import fields
from monitor.quality.judges import JUDGES
from monitor.quality.models import ClaimState, Judge
from monitor.store import scores

HOW_TO_ADD = _(
    "No judge is set up. In the admin, under Judges, add one: choose the kind “rubric”, give the address of "
    "an OpenAI-compatible endpoint (for example http://vllm:8000/v1) and the model that judges, and say what "
    "is judged. Without any endpoint the kinds “business_rule” and “overlap” work on their own."
)


@dataclass(frozen=True, slots=True)
class Failure:
    """How often a judge failed for one reason, ever."""

    reason: str
    count: int
    last_at: dt.datetime
    last_error: str


@dataclass(frozen=True, slots=True)
class JudgeState:
    """One judge. ``settings`` has its secrets masked. ``waiting``: calls claimed and not yet marked.

    ``state``: ``off``, ``new`` (has not run), ``failing`` (its last run failed) or ``ok``.
    """

    id: int
    name: str
    kind: str
    what: str
    cost: str
    settings: dict[str, object]
    model: str
    version: str
    sample_share: float
    hourly_budget: int
    enabled: bool
    state: str
    judged: int
    skipped: int
    given_up: int
    waiting: int
    last_ok: dt.datetime | None
    last_error: str
    last_duration: float | None
    failures: tuple[Failure, ...]


@dataclass(frozen=True, slots=True)
class RecentVerdict:
    """One mark of a judge on one call; prompt and output are shortened."""

    generation_id: UUID
    at: dt.datetime
    judge: str
    source: str
    value: float
    reason: str
    model: str
    version: str
    prompt: str
    output: str


def judges(project_id: int) -> list[JudgeState]:
    """Every judge of the project; an empty list means that the page shows ``HOW_TO_ADD``."""
    rows = (
        Judge.objects.filter(project_id=project_id)
        .prefetch_related("failures")
        .annotate(
            **{f"n_{state}": Count("claims", filter=Q(claims__state=state)) for state in ClaimState.values}
        )
    )
    return [_state(row) for row in rows]


def recent_verdicts(
    project_id: int, start: dt.datetime, end: dt.datetime, limit: int = 50, *, name: str = ""
) -> list[RecentVerdict]:
    """The marks of judges, rules and references on the newest calls of the span; ``name``: of one judge."""
    found = scores.recent(
        project_id, start, end, sources=("judge", "rule", "reference"), name=name, limit=limit
    )
    return [
        RecentVerdict(
            one.generation_id, one.created_at, one.name, one.source, one.value, one.reason, one.model,
            one.version, one.prompt, one.output,
        )
        for one in found
    ]  # fmt: skip


def _state(row: Judge) -> JudgeState:
    kind = JUDGES.get(row.kind)
    counts = {state: getattr(row, f"n_{state}") for state in ClaimState.values}
    return JudgeState(
        id=row.pk,
        name=row.name,
        kind=row.kind,
        what=(kind.__doc__ or "").strip().splitlines()[0] if kind else f"no judge is called {row.kind!r}",
        cost=kind.cost if kind else "",
        settings=fields.masked(kind.fields, row.settings) if kind else {},
        model=row.model,
        version=row.version,
        sample_share=row.sample_share,
        hourly_budget=row.hourly_budget,
        enabled=row.enabled,
        state=word(row),
        judged=counts[ClaimState.DONE],
        skipped=counts[ClaimState.SKIPPED],
        given_up=counts[ClaimState.FAILED],
        waiting=counts[ClaimState.OPEN],
        last_ok=row.last_ok,
        last_error=row.last_error,
        last_duration=row.last_duration,
        failures=tuple(
            Failure(one.reason, one.count, one.last_at, one.last_error) for one in row.failures.all()
        ),
    )


def marks(
    project_id: int, start: dt.datetime, end: dt.datetime, *, model: str, version: str, name: str = ""
) -> dict[UUID, float]:
    """Call → its mean mark by the judges (``name``: by one), for comparing versions; unmarked calls are absent."""
    return scores.means(project_id, start, end, model=model, version=version, sources=("judge",), name=name)


def word(row: Judge) -> str:
    """The state of a judge: off, new, failing or ok."""
    if not row.enabled:
        return "off"
    if row.last_error:
        return "failing"
    return "ok" if row.last_ok else "new"

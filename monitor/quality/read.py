"""What pages may know about judges and their verdicts: plain dataclasses, no querysets, no secrets."""

import datetime as dt
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, Min, Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from monitor.core import fields
from monitor.quality import epochs, reasons
from monitor.quality.judges import JUDGES
from monitor.quality.models import ClaimState, Judge, JudgeClaim, JudgeSpending
from monitor.store.calls import scores

HOW_TO_ADD = _(
    "No judge is set up. In the admin, under Judges, add one: choose the kind “rubric”, give the address of "
    "an OpenAI-compatible endpoint (for example http://vllm:8000/v1) and the model that judges, and say what "
    "is judged. Without any endpoint the kinds “business_rule”, “json_schema”, “chrf” and their like work on their own."
)
# a judge that was due so long ago is run by nobody
OVERDUE = dt.timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Failure:
    """How often a judge failed for one reason, ever."""

    reason: str
    count: int
    last_at: dt.datetime
    last_error: str


@dataclass(frozen=True, slots=True)
class Epoch:
    """Since when a judge is the one it is, and what changed then."""

    number: int
    started_at: dt.datetime
    changed: str
    served_model: str


@dataclass(frozen=True, slots=True)
class Spending:
    """What a judge used today (UTC), with its limits; None: no limit."""

    requests: int = 0
    cached: int = 0
    tokens: int = 0
    usd: float = 0.0
    most_tokens: int | None = None
    most_usd: float | None = None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A call that a judge gave up on, and why."""

    id: int
    judge_id: int
    judge: str
    generation_id: UUID
    reason: str
    error: str
    attempts: int
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class JudgeState:
    """One judge. ``settings`` has its secrets masked. ``waiting``: calls claimed and not yet marked.

    ``state``: ``off``, ``new`` (has not run), ``failing`` (its last run failed), ``spent`` (the day's budget is),
    ``late`` (nobody has run it for long) or ``ok``. ``oldest_at``: since when the oldest of them waits.
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
    due_at: dt.datetime | None
    oldest_at: dt.datetime | None
    epoch: "Epoch | None"
    spent: "Spending"


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


def judges(project_id: int, *, now: dt.datetime | None = None) -> list[JudgeState]:
    """Every judge of the project; an empty list means that the page shows ``HOW_TO_ADD``."""
    rows = (
        Judge.objects.filter(project_id=project_id)
        .prefetch_related("failures")
        # what is counted loses the order of its model
        .order_by("name")
        .annotate(
            oldest=Min("claims__first_at", filter=Q(claims__state=ClaimState.OPEN)),
            **{f"n_{state}": Count("claims", filter=Q(claims__state=state)) for state in ClaimState.values},
        )
    )
    spent = {}
    if now is not None:
        today = now.astimezone(dt.UTC).date()
        days = JudgeSpending.objects.filter(judge__project_id=project_id, day=today)
        spent = {row.judge_id: row for row in days}
    return [_state(row, spent.get(row.pk), now) for row in rows]


def dead_letters(project_id: int, limit: int = 20) -> tuple[list[DeadLetter], int]:
    """The newest calls that judges gave up on, and how many there are in all."""
    rows = JudgeClaim.objects.filter(judge__project_id=project_id, state=ClaimState.FAILED)
    found = rows.select_related("judge").order_by("-claimed_at")[:limit]
    return [
        DeadLetter(
            one.pk, one.judge_id, one.judge.name, one.generation_id, one.reason or "unknown", reasons.told(one.error),
            one.attempts, one.claimed_at,
        )
        for one in found
    ], rows.count()  # fmt: skip


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


def _state(row: Judge, spent: JudgeSpending | None, now: dt.datetime | None) -> JudgeState:
    epoch = epochs.latest(row)
    kind = JUDGES.get(row.kind)
    counts = {state: getattr(row, f"n_{state}") for state in ClaimState.values}
    return JudgeState(
        id=row.pk,
        name=row.name,
        kind=row.kind,
        what=gettext(JUDGES.says(row.kind)) if kind else f"no judge is called {row.kind!r}",
        cost=kind.cost if kind else "",
        settings=fields.masked(kind.fields, row.settings) if kind else {},
        model=row.model,
        version=row.version,
        sample_share=row.sample_share,
        hourly_budget=row.hourly_budget,
        enabled=row.enabled,
        state="late" if _late(row, now) else word(row),
        judged=counts[ClaimState.DONE],
        skipped=counts[ClaimState.SKIPPED],
        given_up=counts[ClaimState.FAILED],
        waiting=counts[ClaimState.OPEN],
        last_ok=row.last_ok,
        last_error=reasons.told(row.last_error),
        last_duration=row.last_duration,
        failures=tuple(
            Failure(one.reason, one.count, one.last_at, reasons.told(one.last_error))
            for one in row.failures.all()
        ),
        due_at=row.due_at,
        oldest_at=getattr(row, "oldest", None),
        epoch=Epoch(epoch.number, epoch.started_at, epoch.changed, epoch.served_model) if epoch else None,
        spent=_spending(row, spent),
    )


def _spending(row: Judge, spent: JudgeSpending | None) -> Spending:
    if spent is None:
        return Spending(most_tokens=row.daily_tokens, most_usd=row.daily_usd)
    return Spending(
        spent.requests, spent.cached, spent.tokens_in + spent.tokens_out + spent.held_tokens,
        spent.usd + spent.held_usd, row.daily_tokens, row.daily_usd,
    )  # fmt: skip


def marks(
    project_id: int, start: dt.datetime, end: dt.datetime, *, model: str, version: str, name: str = ""
) -> dict[UUID, float]:
    """Call → its mean mark by the judges (``name``: by one), for comparing versions; unmarked calls are absent."""
    return scores.means(project_id, start, end, model=model, version=version, sources=("judge",), name=name)


def _late(row: Judge, now: dt.datetime | None) -> bool:
    """Nobody has run it for long: what it said last is no news of now."""
    return now is not None and row.enabled and row.due_at is not None and row.due_at < now - OVERDUE


def word(row: Judge) -> str:
    """The state of a judge: off, new, failing, spent or ok."""
    if not row.enabled:
        return "off"
    if row.last_error:
        last = max(row.failures.all(), key=lambda one: one.last_at, default=None)
        return "spent" if last is not None and last.reason == "budget" else "failing"
    return "ok" if row.last_ok else "new"

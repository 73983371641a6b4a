"""What the page of a call may know and do about scoring: the cost before, the request, the result."""

import datetime as dt
from dataclasses import dataclass
from uuid import UUID

from monitor.quality.credit import prompts, run
from monitor.quality.credit.measure import Credit
from monitor.quality.credit.models import ScoringEngine, ScoringRequest, ScoringState
from monitor.quality.credit.prompts import Cost
from monitor.store.calls import generations


@dataclass(frozen=True, slots=True)
class Scoring:
    """``state``: new, waiting, done or failed. ``cost`` is what asking (again) takes.

    ``engine`` empty: no engine is set up for this model. ``cut``: documents beyond those that are left out.
    """

    state: str
    engine: str
    cost: Cost | None
    credit: Credit | None = None
    rebuilt: bool = False
    error: str = ""
    asked_by: str = ""
    asked_at: dt.datetime | None = None


def of(project_id: int, generation_id: UUID) -> Scoring | None:
    """None where there is nothing to score: no such call, no document or no answer."""
    call = generations.one(project_id, generation_id)
    if call is None or not call.detail.get("contexts") or not run.answer_of(call).strip():
        return None
    engine = engine_for(project_id, call.summary.model)
    if engine is None:
        return Scoring("new", "", None)
    found = run.variants_of(call)
    cost = prompts.cost(found, run.answer_of(call), engine.usd_per_million_tokens)
    asked = ScoringRequest.objects.filter(project_id=project_id, generation_id=generation_id).first()
    if asked is None:
        return Scoring("new", engine.name, cost)
    credit = Credit.from_json(asked.body) if asked.state == ScoringState.DONE else None
    return Scoring(
        asked.state, engine.name, cost, credit, bool(asked.body.get("rebuilt")), asked.error, asked.asked_by,
        asked.asked_at,
    )  # fmt: skip


def ask(project_id: int, generation_id: UUID, person: str, *, now: dt.datetime) -> bool:
    """Have a call scored; False where it can't be. A request that waits is not made twice."""
    known = of(project_id, generation_id)
    if known is None or not known.engine:
        return False
    if known.state != ScoringState.WAITING:
        engine = ScoringEngine.objects.get(project_id=project_id, name=known.engine)
        ScoringRequest.objects.update_or_create(
            project_id=project_id, generation_id=generation_id,
            defaults={
                "engine": engine, "asked_by": person, "asked_at": now, "state": ScoringState.WAITING,
                "taken_at": None, "body": {}, "error": "",
            },
        )  # fmt: skip
    return True


def engine_for(project_id: int, model: str) -> ScoringEngine | None:
    """The engine for a model's own calls before the one for all."""
    rows = ScoringEngine.objects.filter(project_id=project_id, enabled=True, model__in=("", model))
    return rows.order_by("-model", "name").first()

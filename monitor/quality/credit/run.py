"""Scores the calls that somebody asked for, one after the other; a failure is written down for who asked."""

import datetime as dt
import logging
from concurrent.futures import ThreadPoolExecutor

from django.db.models import Q

from monitor.core import clock
from monitor.outside import scoring
from monitor.outside.llm import Endpoint
from monitor.outside.scoring import ScoringError
from monitor.quality.credit import measure, prompts
from monitor.quality.credit.measure import MeasureError
from monitor.quality.credit.models import ScoringEngine, ScoringRequest, ScoringState
from monitor.store.calls import generations
from monitor.store.calls.generations import GenerationDetail

log = logging.getLogger("vigil.quality")
AT_ONCE = 2
# a worker that died leaves its request to the next one after this time
ABANDONED = dt.timedelta(minutes=10)
LONGEST_RUN_SECONDS = 60.0


def run_due(*, now: dt.datetime) -> int:
    """Score what waits; how many were scored."""
    done, started = 0, clock.monotonic()
    free = Q(taken_at=None) | Q(taken_at__lt=now - ABANDONED)
    waiting = ScoringRequest.objects.filter(free, state=ScoringState.WAITING).select_related("engine")
    for request in waiting.order_by("asked_at")[:20]:
        if clock.monotonic() - started > LONGEST_RUN_SECONDS:
            break
        mine = ScoringRequest.objects.filter(free, pk=request.pk).update(taken_at=now)
        if mine:
            _run(request)
            done += 1
    return done


def _run(request: ScoringRequest) -> None:
    try:
        body = _scored(request)
    except (ScoringError, MeasureError) as error:
        log.warning("scoring with %s: %s", request.engine, error)
        request.state, request.error = ScoringState.FAILED, str(error)[:2000]
    else:
        request.state, request.body, request.error = ScoringState.DONE, body, ""
    request.save(update_fields=["state", "body", "error"])


def _scored(request: ScoringRequest) -> dict[str, object]:
    call = generations.one(request.project_id, request.generation_id)
    if call is None:
        message = "the call is not stored any more"
        raise MeasureError(message)
    found, endpoint = variants_of(call), endpoint_of(request.engine)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        scored = list(pool.map(lambda one: scoring.score(endpoint, one, answer_of(call)), found.all))
    result = measure.credit(scored[0], scored[1], scored[2:], answer_of(call))
    return {**result.to_json(), "rebuilt": found.rebuilt}


def endpoint_of(engine: ScoringEngine) -> Endpoint:
    return Endpoint(engine.url, engine.served_model, engine.api_key, engine.timeout_seconds)


def variants_of(call: GenerationDetail) -> prompts.Variants:
    contexts = [str(one.get("text", "")) for one in call.detail.get("contexts") or ()]
    return prompts.variants(call.prompt, call.detail.get("prompt_messages"), contexts)


def answer_of(call: GenerationDetail) -> str:
    """The answer without the roles of a conversation."""
    messages = call.detail.get("output_messages")
    if isinstance(messages, list):
        contents = [one.get("content") for one in messages if isinstance(one, dict)]
        return "\n".join(one for one in contents if isinstance(one, str)) or call.output
    return call.output

"""Releases over HTTP: open one, ask whether it may go on, decide; gates for Argo Rollouts, Flagger and pipelines."""

import datetime as dt
from typing import Any

import msgspec
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import path

from monitor.api import bodies
from monitor.api.auth import ApiRequest, needs
from monitor.api.errors import refuse, reply
from monitor.api.methods import takes
from monitor.api.packing import packed
from monitor.canary import read
from monitor.core import clock


class PostedRelease(msgspec.Struct, forbid_unknown_fields=True):
    """``stages`` as objects or as text, ``5, 20, 50, 100``; ``started_at``: RFC 3339 or Unix seconds."""

    model: str
    canary: str
    stable: str | None = None
    owner: str = ""
    note: str = ""
    mode: str = "observe"
    stages: list[read.StageWish] | str = []
    gates: list[read.GateWish] = []
    stratify: str = "route"
    alpha: float = 0.05
    deadline_hours: float = 24.0
    started_at: dt.datetime | float | None = None


class PostedDeploy(msgspec.Struct):
    """What a pipeline knows when it has deployed; further fields are left alone."""

    model: str
    version: str
    stable: str | None = None
    owner: str = ""
    note: str = ""
    mode: str = ""


class PostedDecision(msgspec.Struct):
    """``stage``: the one that an approval means, from 0; ``override``: approve although it fails."""

    stage: int | None = None
    override: bool = False


class FlaggerHook(msgspec.Struct):
    """What Flagger sends to its webhooks."""

    name: str = ""
    namespace: str = ""
    phase: str = ""
    metadata: dict[str, str] = {}


class BadRequestError(ValueError):
    """A body that can't be read; whoever sent it can mend it."""


@needs("query")
def listed(request: ApiRequest) -> HttpResponse:
    """All releases; ``model``, ``canary`` and ``state`` narrow the answer."""
    wanted = {name: request.GET.get(name, "") for name in ("model", "canary", "state")}
    if any("\x00" in value for value in wanted.values()):
        message = "a NUL character is no text"
        raise BadRequestError(message)
    rows = read.releases(request.project_id, **wanted)
    return reply({"status": "success", "data": [_release(row) for row in rows]})


@needs("manage")
def opened(request: ApiRequest) -> HttpResponse:
    posted = _body(request, PostedRelease)
    stages = posted.stages or []
    if isinstance(stages, str):
        stages = read.stages_of(stages)
    wish = read.Wish(
        posted.model, posted.canary, posted.stable, posted.owner or read.key_called(request.sender), posted.note, posted.mode,
        stages, posted.gates, posted.stratify,
        posted.alpha, posted.deadline_hours, _moment(posted.started_at), read.Opened.API,
    )  # fmt: skip
    row = read.open_one(request.project_id, wish, now=clock.now())
    return reply({"status": "success", "data": _release(row)}, 201)


@needs("ingest", "manage")
def deployed(request: ApiRequest) -> HttpResponse:
    """A deploy webhook. Told twice, it answers with the release that is open; one only noticed is taken over."""
    posted = _body(request, PostedDeploy)
    may_decide = "manage" in request.scopes
    if posted.mode == read.Mode.AUTOMATIC and not may_decide:
        return refuse(
            403, "mode 'automatic' needs a key with the scope 'manage'; send 'recommend' or no mode"
        )
    wish = read.Wish(
        posted.model, posted.version, posted.stable, posted.owner or read.key_called(request.sender), posted.note,
        posted.mode or read.deploy_mode(request.project_id, may_decide=may_decide), opened_by=read.Opened.WEBHOOK,
    )  # fmt: skip
    try:
        row = read.open_one(request.project_id, wish, now=clock.now())
    except read.AlreadyOpenError as error:
        return reply({"status": "success", "data": _release(read.one(request.project_id, error.release.pk))})
    return reply({"status": "success", "data": _release(row)}, 201)


@needs("query")
def release(request: ApiRequest, identity: str) -> HttpResponse:
    return reply({"status": "success", "data": _release(read.one(request.project_id, identity))})


@needs("query")
def verdict(request: ApiRequest, identity: str) -> HttpResponse:
    """May this version go on? Bare, so that a JSON path such as ``{$.verdict}`` finds it.

    ``verdict`` is the answer for tools; ``gates_verdict`` is that of the gates alone, whatever state the release is in.
    """
    row = read.one(request.project_id, identity)
    return reply({
        "verdict": row.go,
        "gates_verdict": row.verdict,
        "reasons": reasons(row),
        "sentence": row.sentence(),
        "release": str(row.id), "state": row.state, "mode": row.mode, "model": row.model,
        "stable": row.stable, "canary": row.canary,
        "decided_at": _text(row.decided_at), "judged_to": _text(row.judged_to),
        "share": row.seen.get("share"), "planned_share": row.seen.get("planned"),
        "share_state": row.seen.get("arrival", "waiting"), "lacks": list(row.lacks),
        "calls": {"stable": row.calls[0], "canary": row.calls[1]},
        "gates": [_gate(one) for one in row.gates],
        **({"rollback": row.proof} if row.proof else {}),
    })  # fmt: skip


@needs("query")
def evidence(request: ApiRequest, identity: str) -> HttpResponse:
    """Everything that the verdict rests on; `manage.py releases --check FILE` judges it anew."""
    found = read.evidence(request.project_id, identity, now=clock.now())
    response = reply(found)
    response["Content-Disposition"] = f'attachment; filename="release-{int(identity)}-evidence.json"'
    return response


@needs("manage")
def decided(request: ApiRequest, identity: str, kind: str) -> HttpResponse:
    """``approve``, ``hold``, ``resume``, ``rollback`` or ``close``; an approval that comes twice is one."""
    posted = _body(request, PostedDecision)
    row = read.decide(
        request.project_id, identity, kind, by=read.key_called(request.sender), now=clock.now(), stage=posted.stage,
        override=posted.override,
    )  # fmt: skip
    return reply({"status": "success", "data": _release(row)})


@needs("query")
def flagger(request: ApiRequest, identity: str) -> HttpResponse:
    """A webhook of Flagger: 200 lets it go on, anything else stops it; a ``rollback`` hook is told 200 to go back."""
    posted = _body(request, FlaggerHook) if request.method == "POST" else FlaggerHook()
    row = read.one(request.project_id, identity)
    back, said = row.go == "fail", reply({"verdict": row.go})
    kind = posted.metadata.get("type") or request.GET.get("type", "confirm-promotion")
    if kind == "rollback":
        return said if back else refuse(403, f"no reason to go back: {row.sentence()}")
    if kind in {"confirm-rollout", "rollout", "pre-rollout"}:
        return refuse(403, row.sentence()) if back else said
    if row.go == "pass":
        return said
    return refuse(403, f"{row.state}: {row.sentence()}")


def reasons(row: read.ReleaseRow) -> list[str]:
    """One sentence for each gate, and one for the share."""
    names = [
        (read.words.gate_name(one["kind"], one["about"], "en", one.get("q") or 0.0), one) for one in row.gates
    ]
    found = []
    for name, one in names:
        said, ends = read.words.effect(one), read.words.interval(one)
        size = f" {said} ({ends})" if said and ends else f" {said}" if said else ""
        found.append(f"{one['verdict']}: {name}{size}: {read.words.reason(one)}")
    if row.state != "open":
        found.append(f"state: the release is {row.state.replace('_', ' ')}")
    if row.lacks:
        found.append(f"lacks: {read.words.lacking(row.lacks)}")
    if row.arrival.get("state") == "unproved" and row.state in {"open", "promoting"}:
        found.append("order: the share that was ordered has not arrived; the order is given again")
    if row.seen:
        found.append(f"share: {read.words.arrival(row.seen)}")
    found += [
        f"mix: the versions serve different calls by {name} ({far:.0%} apart); compare like with like by it"
        for name, far in row.mix.items()
    ]
    return found or ["nothing has been counted yet"]


def _gate(one: dict[str, Any]) -> dict[str, Any]:
    return {
        "metric": one["key"], "verdict": one["verdict"], "reason": read.words.reason(one), "needed": one["needed"],
        "stable": one["stable"], "canary": one["canary"], "effect": one["effect"], "low": one["low"],
        "high": one["high"], "worse_from": one["worse_from"], "good_to": one["good_to"],
        "evidence": one["evidence"], "good": one["good"], "calls_needed": one["needs"],
        "calls": {"stable": one["n_stable"], "canary": one["n_canary"]},
        **({"quantile": one["q"]} if one.get("q") else {}),
    }  # fmt: skip


def _release(row: read.ReleaseRow) -> dict[str, Any]:
    return {
        "id": str(row.id), "model": row.model, "stable": row.stable, "canary": row.canary, "owner": row.owner,
        "note": row.note, "mode": row.mode, "state": row.state, "opened_by": row.opened_by,
        "started_at": _text(row.started_at), "ended_at": _text(row.ended_at), "verdict": row.verdict,
        "sentence": row.sentence(),
        "stages": [
            {
                "share": one.share, "least_minutes": one.least_minutes, "least_calls": one.least_calls,
                "began_at": _text(one.began_at), "ended_at": _text(one.ended_at), "state": one.state,
            }
            for one in row.stages
        ],
    }  # fmt: skip


def _body(request: HttpRequest, shape: Any) -> Any:
    raw = bodies.read(request, settings.VIGIL_MAX_BODY_BYTES)
    try:
        return msgspec.json.decode(raw or b"{}", type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        message = f"the body can't be read: {error}"
        raise BadRequestError(message) from error


def _moment(given: dt.datetime | float | None) -> dt.datetime | None:
    if given is None:
        return None
    if isinstance(given, dt.datetime):
        return given if given.tzinfo else given.replace(tzinfo=dt.UTC)
    try:
        return clock.from_ms(round(given * 1000))
    except (OverflowError, ValueError) as error:
        message = f"started_at: {given!r} is no time; send RFC 3339 or Unix seconds"
        raise BadRequestError(message) from error


def _text(moment: dt.datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")


def _answered(**views: Any) -> Any:
    """One view per method; what was asked wrongly is answered in Prometheus' shape."""

    @takes(*views)
    def view(request: HttpRequest, /, **place: str) -> HttpResponse:
        try:
            answer: HttpResponse = views[request.method or ""](request, **place)
        except bodies.BodyError as error:
            return refuse(error.status, str(error))
        except (read.AlreadyOpenError, read.ModelTakenError, read.CantDecideError) as error:
            return refuse(409, str(error))
        except (BadRequestError, read.BadReleaseError) as error:
            return refuse(400, str(error))
        except read.NoReleaseError as error:
            return refuse(404, str(error))
        return answer

    view.csrf_exempt = True  # type: ignore[attr-defined] # keys, not cookies, are what these ask for
    return view


urlpatterns = [
    path("api/v1/releases", packed(_answered(GET=listed, POST=opened))),
    path("api/v1/deploys", _answered(POST=deployed)),
    path("api/v1/releases/<str:identity>", packed(_answered(GET=release))),
    path("api/v1/releases/<str:identity>/verdict", packed(_answered(GET=verdict))),
    path("api/v1/releases/<str:identity>/evidence", packed(_answered(GET=evidence))),
    path("api/v1/releases/<str:identity>/flagger", _answered(GET=flagger, POST=flagger)),
    path("api/v1/releases/<str:identity>/<slug:kind>", _answered(POST=decided)),
]

"""The evidence of a release as one file: whoever has it comes to the same verdict without us.

``check`` judges what the file holds and compares; it reads nothing else.
"""

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from django.db import transaction

from monitor.canary import gather, run, sums
from monitor.canary.buckets import BEFORE, SECONDS
from monitor.canary.gates import judge
from monitor.canary.models import Release
from monitor.canary.paths import Gate, Plan
from monitor.canary.sums import CANARY, STABLE, Body

FORMAT = "vigil-release-evidence/2"


class BadEvidenceError(ValueError):
    """A file that is no evidence of a release, or not whole; says what is missing."""


@dataclass(frozen=True, slots=True)
class Checked:
    """``said`` stands in the file, ``found`` is what its sums give.

    ``differs``: gates of which anything comes out otherwise, ``decided_at`` and ``calls``.
    """

    said: str
    found: str
    differs: tuple[str, ...]
    buckets: int

    @property
    def same(self) -> bool:
        return self.said == self.found and not self.differs


@transaction.atomic
def export(release: Release, *, now: dt.datetime) -> dict[str, Any]:
    """Everything that the verdict rests on, and what was decided and done, all of one look."""
    release = Release.objects.select_for_update(of=("self",)).select_related("project").get(pk=release.pk)
    first = gather.bucket_of(release.started_at) - BEFORE
    rows = {row.bucket: bytes(row.body) for row in release.evidence.filter(bucket__gte=first)}
    end = (release.evaluated_to or 0) // SECONDS
    stages = list(release.stages.all())
    plan = run.plan_of(release, stages, first)
    begins = [begin for begin in plan.begins if first + begin < end]
    return {
        "format": FORMAT, "exported_at": _text(now),
        "release": {
            "id": str(release.pk), "project": release.project.slug, "model": release.model,
            "stable": release.stable, "canary": release.canary, "owner": release.owner, "note": release.note,
            "mode": release.mode, "state": release.state, "opened_by": release.opened_by,
            "stratify": release.stratify, "alpha": release.alpha, "started_at": _text(release.started_at),
            "ended_at": _text(release.ended_at),
        },
        "window": {
            "bucket_seconds": SECONDS, "first": first, "buckets": max(0, end - first), "begins": begins,
            "stages": len(stages), "share": plan.share, "from": _text(gather.moment_of(first)),
            "to": _text(gather.moment_of(end)) if end else None,
        },
        "stages": [
            {
                "share": stage.share, "least_minutes": stage.least_minutes, "least_calls": stage.least_calls,
                "began_at": _text(stage.began_at), "ended_at": _text(stage.ended_at),
            }
            for stage in stages
        ],
        "gates": [
            {
                "key": gate.key, "kind": gate.kind, "about": gate.about, "tolerance": gate.tolerance,
                "margin": gate.margin, "needed": gate.needed, "pass_when": row.pass_when,
                "fail_when": row.fail_when,
            }
            for gate, row in _gates(release)
        ],
        "verdict": release.verdict, "decided_at": _text(release.decided_at),
        "found": release.body.get("gates", []), "calls": release.body.get("calls"),
        "evidence_over_time": {"buckets": release.body.get("buckets"), "paths": release.body.get("paths")},
        "shares": release.body.get("shares"), "proof": release.body.get("proof"),
        "arrival": release.body.get("arrival"),
        "decisions": [_decision(one) for one in release.decisions.prefetch_related("runs__action")],
        "sums": {
            str(bucket): msgspec.to_builtins(sums.unpack(rows[bucket]))
            for bucket in range(first, end)
            if bucket in rows
        },
    }  # fmt: skip


def check(data: Any) -> Checked:
    """Judge the sums of a file anew; raises BadEvidenceError."""
    if not isinstance(data, Mapping) or data.get("format") != FORMAT:
        message = f"this is no evidence of a release: its “format” is not {FORMAT}"
        raise BadEvidenceError(message)
    try:
        window = data["window"]
        first, size = int(window["first"]), int(window["buckets"])
        bodies = [_body(data["sums"].get(str(bucket))) for bucket in range(first, first + size)]
        gates = [
            Gate(one["key"], one["kind"], one["about"], one["tolerance"], one["margin"], one["needed"])
            for one in data["gates"]
        ]
        plan = Plan(
            float(data["release"]["alpha"]),
            tuple(window["begins"]),
            int(window["stages"]),
            float(window["share"]),
        )
        verdict = str(data["verdict"])
        said = {str(one["key"]): dict(one) for one in data["found"]}
    except (KeyError, TypeError, ValueError, AttributeError, msgspec.ValidationError) as error:
        message = f"the file is not whole: {type(error).__name__}: {error}"
        raise BadEvidenceError(message) from error
    if not bodies or not plan.begins:
        return Checked(verdict, "undecided", (), 0)
    judged = judge(bodies, gates, plan)
    found = {one.key: one.to_json() for one in judged.found}
    differs = [key for key in sorted({*found, *said}) if not _alike(found.get(key), said.get(key))]
    place = run.decisive(judged.verdicts())
    moment = None if place is None else _text(gather.moment_of(first + place + 1))
    calls = [sum(body.calls(arm) for body in bodies[plan.begins[0] :]) for arm in (STABLE, CANARY)]
    for name, value in (("decided_at", moment), ("calls", calls)):
        if data.get(name) != value:
            differs.append(name)
    return Checked(verdict, judged.verdict(), tuple(differs), len(bodies))


def _alike(found: Any, said: Any) -> bool:
    """The same facts about a gate; numbers as far as two machines compute them alike."""
    if isinstance(found, float) and isinstance(said, int | float):
        return math.isclose(found, said, rel_tol=1e-6, abs_tol=1e-6)
    if isinstance(found, dict) and isinstance(said, dict):
        return found.keys() == said.keys() and all(_alike(found[key], said[key]) for key in found)
    return bool(found == said)


def _body(data: Any) -> Body:
    if data is None:
        message = "a bucket is missing from its sums"
        raise ValueError(message)
    return msgspec.convert(data, Body, strict=False)


def _gates(release: Release) -> list[tuple[Gate, Any]]:
    rows = list(release.gates.all())
    return list(zip(run.gates_of(rows), rows, strict=True))


def _decision(one: Any) -> dict[str, Any]:
    return {
        "at": _text(one.at), "kind": one.kind, "state": one.state, "stage": one.stage, "share": one.share,
        "verdict": one.verdict, "reason": one.reason, "by": one.by or "vigil",
        "actions": [
            {
                "action": run_.action.name, "kind": run_.action.kind, "state": run_.state,
                "attempts": run_.attempts, "done_at": _text(run_.done_at), "answer": run_.answer,
            }
            for run_ in one.runs.all()
        ],
    }  # fmt: skip


def _text(moment: dt.datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")

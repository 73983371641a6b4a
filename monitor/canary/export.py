"""The evidence of a release as one file: whoever has it comes to the same verdict without us.

``check`` judges what the file holds and compares; it reads nothing else. A SHA-256 over all of it shows what was
changed by accident or by halves; the seal shows the installation that made it that nobody changed anything.
"""

import datetime as dt
import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from django.db import transaction
from django.utils.crypto import constant_time_compare, salted_hmac

from monitor.canary import gather, run, sums
from monitor.canary.buckets import BEFORE, SECONDS, USER_GROUPS
from monitor.canary.gates import judge
from monitor.canary.kinds import KINDS
from monitor.canary.models import Release
from monitor.canary.paths import Gate, Plan
from monitor.canary.shares import share_of
from monitor.canary.sums import CANARY, STABLE, Body
from monitor.canary.table import mix_distance

FORMAT = "vigil-release-evidence/3"
MOST_ALPHA = 0.5


class BadEvidenceError(ValueError):
    """A file that is no evidence of a release, or not whole; says what is missing."""


@dataclass(frozen=True, slots=True)
class Checked:
    """``said`` stands in the file, ``found`` is what its sums give.

    ``differs``: gates of which anything comes out otherwise, ``decided_at``, ``calls``, ``shares``,
    ``mix`` and ``evidence_over_time``; and ``sha256`` where anything at all was changed. ``sealed``: whether this installation
    made it so; another one can't tell.
    """

    said: str
    found: str
    differs: tuple[str, ...]
    buckets: int
    sealed: bool

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
    plan = run.plan_of(release, stages, first, end - first)
    data = {
        "format": FORMAT, "exported_at": _text(now),
        "release": {
            "id": str(release.pk), "project": release.project.slug, "model": release.model,
            "stable": release.stable, "canary": release.canary, "owner": release.owner, "note": release.note,
            "mode": release.mode, "state": release.state, "opened_by": release.opened_by,
            "stratify": release.stratify, "alpha": release.alpha, "started_at": _text(release.started_at),
            "ended_at": _text(release.ended_at),
        },
        "window": {
            "bucket_seconds": SECONDS, "first": first, "buckets": max(0, end - first), "begins": list(plan.begins),
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
        "shares": release.body.get("shares"), "mix": release.body.get("mix"), "proof": release.body.get("proof"),
        "arrival": release.body.get("arrival"),
        "decisions": [_decision(one) for one in release.decisions.prefetch_related("runs__action")],
        "sums": {
            str(bucket): msgspec.to_builtins(sums.unpack(rows[bucket]))
            for bucket in range(first, end)
            if bucket in rows
        },
    }  # fmt: skip
    return {**data, "sha256": digest(data), "seal": seal(data)}


def digest(data: Mapping[str, Any]) -> str:
    """Of everything in a file but this and the seal, whatever order and spaces it is written with."""
    rest = {name: value for name, value in data.items() if name not in {"sha256", "seal"}}
    return hashlib.sha256(json.dumps(rest, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def seal(data: Mapping[str, Any]) -> str:
    """What only who knows the secret of this installation can make of the same file."""
    return salted_hmac(FORMAT, digest(data), algorithm="sha256").hexdigest()


def check(data: Any) -> Checked:
    """Judge the sums of a file anew; raises BadEvidenceError."""
    if not isinstance(data, Mapping) or data.get("format") != FORMAT:
        message = f"this is no evidence of a release: its “format” is not {FORMAT}"
        raise BadEvidenceError(message)
    try:
        return _checked(data)
    except BadEvidenceError:
        raise
    except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        message = f"the file is not whole, or holds what no release has: {type(error).__name__}: {error}"
        raise BadEvidenceError(message) from error


def _checked(data: Mapping[str, Any]) -> Checked:
    window = data["window"]
    first, size = int(window["first"]), int(window["buckets"])
    bodies = [_body(data["sums"].get(str(bucket)), bucket) for bucket in range(first, first + size)]
    gates, plan = [_gate(one) for one in data["gates"]], _plan(data, size)
    verdict = str(data["verdict"])
    said = {str(one["key"]): dict(one) for one in data["found"]}
    changed = [] if data.get("sha256") == digest(data) else ["sha256"]
    sealed = constant_time_compare(str(data.get("seal")), seal(data))
    if not bodies or not plan.begins:
        return Checked(verdict, "undecided", tuple(changed), 0, sealed)
    judged = judge(bodies, gates, plan)
    found = {one.key: one.to_json() for one in judged.found}
    differs = [key for key in sorted({*found, *said}) if not _alike(found.get(key), said.get(key))]
    place = run.decisive(judged.verdicts())
    moment = None if place is None else _text(gather.moment_of(first + place + 1))
    calls = [sum(body.calls(arm) for body in bodies[plan.begins[0] :]) for arm in (STABLE, CANARY)]
    over_time = data["evidence_over_time"]
    places = [int(bucket) - first for bucket in over_time["buckets"]]
    if not places or places != sorted(set(places)) or places[0] < plan.begins[0] or places[-1] != size - 1:
        differs.append("evidence_over_time")
        places = []
    told: dict[str, tuple[Any, Any]] = {
        "decided_at": (moment, data.get("decided_at")), "calls": (calls, data.get("calls")),
        "shares": ([share_of(bodies[one]) for one in places], data.get("shares")),
        "evidence_over_time": (judged.drawn(places), over_time["paths"]),
    }  # fmt: skip
    if data.get("mix") is not None:
        told["mix"] = (
            run.apart(str(data["release"]["stratify"]), mix_distance(bodies[plan.begins[0] :])),
            data["mix"],
        )
    differs += [name for name, (mine, theirs) in told.items() if not _alike(mine, theirs)]
    return Checked(verdict, judged.verdict(), tuple(dict.fromkeys([*differs, *changed])), len(bodies), sealed)


def _gate(one: Mapping[str, Any]) -> Gate:
    if one["kind"] not in KINDS:
        message = f"the file has a gate of the kind {one['kind']!r}, which there is not"
        raise BadEvidenceError(message)
    for name in ("tolerance", "margin"):
        if one[name] is not None and not _number(one[name]):
            message = f"the {name} of the gate {one['key']} is no number but {one[name]!r}"
            raise BadEvidenceError(message)
    return Gate(
        str(one["key"]), one["kind"], str(one["about"]), one["tolerance"], one["margin"], bool(one["needed"])
    )


def _plan(data: Mapping[str, Any], size: int) -> Plan:
    window, alpha = data["window"], data["release"]["alpha"]
    if not _number(alpha) or not 0.0 < alpha <= MOST_ALPHA:
        message = f"alpha is {alpha!r}; it is more than 0 and at most {MOST_ALPHA}"
        raise BadEvidenceError(message)
    begins = window["begins"]
    whole = isinstance(begins, list) and all(type(one) is int and 0 <= one < size for one in begins)
    if not whole or begins != sorted(set(begins)):
        message = f"its stages begin in {begins!r}; these are places of its {size} buckets, in their order"
        raise BadEvidenceError(message)
    if not _number(window["share"]):
        message = f"the share of its first stage is no number but {window['share']!r}"
        raise BadEvidenceError(message)
    return Plan(float(alpha), tuple(begins), int(window["stages"]), float(window["share"]))


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _alike(found: Any, said: Any) -> bool:
    """The same facts about a gate; numbers as far as two machines compute them alike."""
    if isinstance(found, float) and isinstance(said, int | float):
        return math.isclose(found, said, rel_tol=1e-6, abs_tol=1e-6)
    if isinstance(found, dict) and isinstance(said, dict):
        return found.keys() == said.keys() and all(_alike(found[key], said[key]) for key in found)
    if isinstance(found, list) and isinstance(said, list):
        return len(found) == len(said) and all(map(_alike, found, said))
    return bool(found == said)


def _body(data: Any, bucket: int) -> Body:
    if data is None:
        message = f"a bucket is missing from its sums: {bucket}"
        raise BadEvidenceError(message)
    body = msgspec.convert(data, Body, strict=False)
    for part in body.parts:
        groups = [
            *(group for number in part.numbers.values() for group, _, _ in number.groups),
            *(group for number in part.numbers.values() for group in number.tails[::3]),
            *(group for flag in part.flags.values() for group in flag.users[::3]),
        ]
        if part.arm not in {STABLE, CANARY} or any(not 0 <= one < USER_GROUPS for one in groups):
            message = f"bucket {bucket} has an arm that is neither 0 nor 1, or a user group beyond {USER_GROUPS - 1}"
            raise BadEvidenceError(message)
    return body


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

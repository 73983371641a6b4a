import datetime as dt
import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from monitor.canary import export, run
from monitor.canary.export import BadEvidenceError
from monitor.canary.models import Mode, Release
from tests.fixtures.fix_release import Open, Sides

MINUTE = dt.timedelta(minutes=1)


@pytest.fixture
def failed(sides: Sides, release: Open, now: dt.datetime) -> Release:
    sides(60, until=now - dt.timedelta(hours=1), share=0.5, topic="sql")
    sides(60, share=0.5, worse=10.0, topic="code")
    found = release(mode=Mode.AUTOMATIC, stratify="topic")
    run.step(found, now=now + MINUTE)
    return found


def test_a_file_gives_the_same_verdict_again(failed: Release, now: dt.datetime) -> None:
    data = json.loads(json.dumps(export.export(failed, now=now)))
    found = export.check(data)
    assert found.same
    assert found.said == "fail"
    assert found.buckets == 24 + 72


def test_who_decided_is_sealed_by_who_exported_it(
    failed: Release, now: dt.datetime, settings: Settings
) -> None:
    data = json.loads(json.dumps(export.export(failed, now=now)))
    assert export.check(data).sealed
    forged = {**data, "decisions": [{**one, "by": "ada"} for one in data["decisions"]]}
    found = export.check({**forged, "sha256": export.digest(forged)})
    assert (found.same, found.sealed) == (True, False)
    settings.SECRET_KEY = "of another installation"
    found = export.check(data)
    assert (found.same, found.sealed) == (True, False)


def test_it_says_what_was_decided_and_by_whom(failed: Release, now: dt.datetime) -> None:
    data = export.export(failed, now=now)
    assert [(one["kind"], one["by"]) for one in data["decisions"]] == [
        ("resume", "vigil"),
        ("rollback", "vigil"),
    ]


def test_sums_that_were_changed_give_another_verdict(
    failed: Release, now: dt.datetime, tmp_path: Path
) -> None:
    data = export.export(failed, now=now)
    for body in data["sums"].values():
        for part in body["parts"]:
            part["flags"]["error"] = [part["flags"]["error"][0], 0]
    path = tmp_path / "evidence.json"
    path.write_text(json.dumps(data), "utf-8")
    with pytest.raises(CommandError, match="differs in error_ratio"):
        call_command("releases", check=str(path), stdout=StringIO())


def test_the_command_writes_and_checks(failed: Release, tmp_path: Path) -> None:
    written, said = StringIO(), StringIO()
    call_command("releases", export=str(failed.pk), project="shop", stdout=written)
    path = tmp_path / "evidence.json"
    path.write_text(written.getvalue(), "utf-8")
    call_command("releases", check=str(path), stdout=said)
    assert "the same verdict" in said.getvalue()


def _raise_alpha(data: dict[str, Any]) -> None:
    data["release"]["alpha"] = 0.5


def _forget_a_bucket(data: dict[str, Any]) -> None:
    data["window"]["buckets"] -= 1


def _prettier(data: dict[str, Any]) -> None:
    data["found"][0]["effect"] = 1.01


def _earlier(data: dict[str, Any]) -> None:
    data["decided_at"] = "2020-01-01T00:00:00Z"


def _one_gate_less(data: dict[str, Any]) -> None:
    data["gates"] = []


def _others(data: dict[str, Any]) -> None:
    for body in data["sums"].values():
        body["others"] = 1000


def _paths(data: dict[str, Any]) -> None:
    data["evidence_over_time"]["paths"]["error_ratio"]["fail"][-1] = 9.0


def _shares(data: dict[str, Any]) -> None:
    data["shares"] = [0.99 for _ in data["shares"]]


@pytest.mark.parametrize(
    "tamper",
    [_raise_alpha, _forget_a_bucket, _prettier, _earlier, _one_gate_less, _others, _paths, _shares],
)
def test_a_file_that_somebody_changed_is_not_the_same(
    failed: Release, now: dt.datetime, tamper: Callable[[dict[str, Any]], None]
) -> None:
    data = json.loads(json.dumps(export.export(failed, now=now)))
    tamper(data)
    data["sha256"] = export.digest(data)
    assert not export.check(data).same


def test_what_no_figure_rests_on_is_not_changed_unseen_either(failed: Release, now: dt.datetime) -> None:
    data = json.loads(json.dumps(export.export(failed, now=now)))
    data["decisions"][0]["by"] = "somebody"
    assert export.check(data).differs == ("sha256",)


@pytest.mark.parametrize(
    "where, value, said",
    [
        (("window", "begins"), ["a"], "its stages begin in"), (("gates", 0, "kind"), "mood", "of the kind 'mood'"),
        (("release", "alpha"), 0, "alpha is 0"), (("gates", 0, "tolerance"), "much", "no number but 'much'"),
        (("sums",), {}, "a bucket is missing"), (("evidence_over_time",), None, "not whole"),
    ],
)  # fmt: skip
def test_a_broken_file_is_refused_in_words(
    failed: Release, now: dt.datetime, where: tuple[Any, ...], value: object, said: str
) -> None:
    data = json.loads(json.dumps(export.export(failed, now=now)))
    place = data
    for key in where[:-1]:
        place = place[key]
    place[where[-1]] = value
    with pytest.raises(BadEvidenceError, match=said):
        export.check(data)


def test_a_user_group_that_there_is_not_is_refused(failed: Release, now: dt.datetime) -> None:
    data = json.loads(json.dumps(export.export(failed, now=now)))
    part = next(part for body in data["sums"].values() for part in body["parts"])
    part["flags"]["error"][2][0] = 99
    with pytest.raises(BadEvidenceError, match="user group beyond 24"):
        export.check(data)


def test_a_file_whose_bucket_is_missing_is_not_whole(failed: Release, now: dt.datetime) -> None:
    data = export.export(failed, now=now)
    data["sums"].pop(next(iter(data["sums"])))
    with pytest.raises(BadEvidenceError, match="a bucket is missing"):
        export.check(data)


@pytest.mark.parametrize("data", [{}, [], None, {"format": "vigil-release-evidence/3"}])
def test_what_is_no_evidence_is_refused(data: object) -> None:
    with pytest.raises(BadEvidenceError):
        export.check(data)

"""Calls and marks out of one project and into another, in every format."""

import datetime as dt
import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from hypothesis import given
from hypothesis import strategies as st

from monitor.ingest import calls
from monitor.management import carrying
from tests.fixtures.fix_calls import Push
from tests.fixtures.fix_cast import Cast

FULL: dict[str, Any] = {
    "version": "v2", "environment": "prod", "operation": "chat", "provider": "vllm", "route": "/a", "duration_seconds": 1.25,
    "ttft_seconds": 0.5, "inference_seconds": 1.0, "queue_seconds": 0.25, "input_tokens": 10, "cached_input_tokens": 4,
    "output_tokens": 5, "cost_usd": 0.001, "error": "timeout", "finish_reason": "stop", "session": "s", "trace_id": "t1",
    "span_id": "p1", "tenant": "甲", "language": "zh", "topic": "trains", "template": "x", "reference": "six",
    "prompt": [{"role": "user", "content": "=几点？"}], "output": "'six", "attributes": {"a": [1, "b"]},
    "contexts": [{"id": "d", "text": "six", "score": 0.5}], "tokens": [{"text": "six", "logprob": -0.5}],
}  # fmt: skip
PLAIN: dict[str, Any] = {"version": "", "prompt": "=1+1", "output": '-2\n,"x"'}
EMPTY: dict[str, Any] = {"contexts": []}


def exported(kind: str, path: Path, project: str = "shop") -> list[dict[str, Any]]:
    call_command("data", "export", kind, str(path), "--project", project, stderr=io.StringIO())
    return sorted(carrying.read(kind, path, path.suffix[1:]), key=lambda one: str(one.get("id")))


@pytest.mark.parametrize("form", carrying.FORMATS)
def test_what_goes_out_and_in_again_is_the_same(cast: Cast, push: Push, tmp_path: Path, form: str) -> None:
    push([FULL, PLAIN, EMPTY])
    out = exported("generations", tmp_path / f"one.{form}")
    call_command("project", "create", "copy", stdout=io.StringIO())
    said = io.StringIO()
    call_command(
        "data", "import", "generations", str(tmp_path / f"one.{form}"), "--project", "copy", stdout=said
    )
    assert said.getvalue() == "3 accepted, 0 of them known already, 0 refused\n"
    again = exported("generations", tmp_path / "two.ndjson", "copy")
    assert again == out
    told = {one["id"]: one for one in out}["call-0"]
    assert {name: told[name] for name in FULL} == FULL


def test_what_is_taken_in_twice_is_there_once(cast: Cast, push: Push, tmp_path: Path) -> None:
    push([FULL, PLAIN])
    exported("generations", tmp_path / "a.ndjson")
    said = io.StringIO()
    call_command(
        "data", "import", "generations", str(tmp_path / "a.ndjson"), "--project", "shop", stdout=said
    )
    assert said.getvalue() == "2 accepted, 2 of them known already, 0 refused\n"


def test_marks_follow_their_calls(cast: Cast, push: Push, now: dt.datetime, tmp_path: Path) -> None:
    (call,) = push([PLAIN])
    calls.rate(cast.project.id, call, 4.0, "good", "ada", now=now)
    (mark,) = exported("scores", tmp_path / "a.csv")
    assert mark == {
        "generation_id": "call-0", "name": "quality", "value": 4.0, "source": "human", "reason": "good", "author": "ada",
    }  # fmt: skip


def test_a_refused_record_is_named_and_its_neighbours_are_taken(cast: Cast, tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    path.write_text(json.dumps({"id": "a", "model": "m"}) + "\n" + json.dumps({"id": "b"}) + "\n")
    said, complained = io.StringIO(), io.StringIO()
    with pytest.raises(CommandError, match="1 records were refused"):
        call_command(
            "data", "import", "generations", str(path), "--project", "shop", stdout=said, stderr=complained
        )
    assert said.getvalue().startswith("1 accepted")
    assert complained.getvalue().startswith("record 2: ")


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [("a.ndjson", "{", "line 1 is no JSON"), ("a.csv", "model,colour\nm,red\n", "no column 'colour'"),
     ("a.csv", "model,input_tokens\nm,six\n", "input_tokens: 'six'"), ("a.txt", "", "say --format")],
)  # fmt: skip
def test_a_file_that_is_none_of_these_is_refused(
    cast: Cast, tmp_path: Path, name: str, text: str, complaint: str
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(CommandError, match=complaint):
        call_command("data", "import", "generations", str(tmp_path / name), "--project", "shop")


@pytest.mark.parametrize("letters", [131_073, 1_000_000])
def test_a_long_text_comes_back_out_of_a_table(tmp_path: Path, letters: int) -> None:
    path = tmp_path / "a.csv"
    with path.open("wb") as file:
        carrying.write("generations", [{"id": "a", "model": "m", "prompt": "x" * letters}], file, "csv")
    (back,) = carrying.read("generations", path, "csv")
    assert len(back["prompt"]) == letters


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [("a.csv", b"model,prompt\nm,\xe9t\xe9\n", "line 1 can't be read"), ("a.parquet", b"PAR1 no such thing", "is no Parquet"),
     ("a.ndjson", b"{" * (carrying.LONGEST + 1), "line 1 is no JSON")],
)  # fmt: skip
def test_bytes_that_are_none_of_these_are_refused_with_their_place(
    tmp_path: Path, name: str, content: bytes, complaint: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(carrying.CarryingError, match=complaint):
        list(carrying.read("generations", tmp_path / name, name.rpartition(".")[2]))


@given(st.text(min_size=1))
def test_any_text_survives_a_cell_and_none_is_a_formula(text: str) -> None:
    cell = carrying._cell(text)
    assert carrying._uncell(cell) == text
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))

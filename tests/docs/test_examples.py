"""What the manual tells people to paste works: every request it shows is taken, every program compiles."""

import json
import re
from pathlib import Path

import pytest
import yaml
from django.test import Client

from monitor.core import clock
from tests.fixtures.fix_cast import Cast

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("README*.md"), *(ROOT / "templates" / "docs").glob("*.md")]
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
CURL = re.compile(r"curl http://127\.0\.0\.1:8000(\S+).*?-d '(.*?)'$", re.MULTILINE | re.DOTALL)
MOMENT = re.compile(r"2026-11-18T[0-9:.]+Z")


def fences(language: str) -> list[tuple[str, str]]:
    return [
        (path.name, text)
        for path in PAGES
        for kind, text in FENCE.findall(path.read_text("utf-8"))
        if kind == language
    ]


def requests() -> list[tuple[str, str, str]]:
    pasted = [(name, *found) for name, text in fences("sh") for found in CURL.findall(text)]
    return pasted + [(name, "/api/v1/generations", text) for name, text in fences("json")]


@pytest.mark.parametrize(("page", "path", "body"), requests())
def test_the_server_takes_what_the_manual_sends(
    page: str, path: str, body: str, cast: Cast, client: Client
) -> None:
    if path == "/api/v1/scores":
        rated = {"generations": [{"id": "8f14e45f", "model": "paddle-rag"}]}
        client.post("/api/v1/generations", rated, content_type="application/json", headers=cast.bearer)
    # the manual's moment grows old, and old calls are refused
    body = MOMENT.sub(clock.now().isoformat(), body)
    answer = client.post(path, body, content_type="application/json", headers=cast.bearer)
    assert answer.status_code == 200, answer.content
    assert answer.json()["rejected"] == []


def test_the_manual_shows_requests_at_all() -> None:
    assert len(requests()) >= 8


@pytest.mark.parametrize(("page", "program"), fences("python"))
def test_programs_in_the_manual_compile(page: str, program: str) -> None:
    compile(program, page, "exec")


@pytest.mark.parametrize(("page", "text"), fences("yaml"))
def test_configuration_in_the_manual_can_be_read(page: str, text: str) -> None:
    assert yaml.safe_load(text)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_between_pages_lead_somewhere(path: Path) -> None:
    targets = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", path.read_text("utf-8"))
    missing = [target for target in targets if not (path.parent / target).exists()]
    # the picture is made from the running product
    assert [target for target in missing if not target.endswith(".png")] == []


def test_answers_shown_are_answers_given(cast: Cast, client: Client) -> None:
    body = json.dumps({"generations": [{"id": "first", "model": "my-model"}]})
    given = client.post("/api/v1/generations", body, content_type="application/json", headers=cast.bearer)
    assert given.content.decode() == '{"accepted":1,"duplicates":0,"rejected":[]}'

"""JSON nested deeper than any reader goes: a mistake of whoever wrote it, at every door, and never a crash."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from dashboards.boards import document, editing
from dashboards.boards.document import BadBoardError, Board
from dashboards.templatetags.vigil import unescaped
from monitor.ingest.otlp import messages
from monitor.ingest.scraping import discover
from monitor.management import carrying
from monitor.management.carrying import CarryingError
from tests.fixtures.fix_cast import Cast

DEEP = "[" * 5_000 + "]" * 5_000
WITHIN = f'[{{"role": "user", "content": "hello", "other": {DEEP}}}]'


@pytest.mark.parametrize(
    "path", ["/api/v2/alerts", "/api/v2/silences", "/api/v1/releases", "/api/v1/deploys", "/api/v1/scores",
             "/api/v1/points", "/api/v1/generations", "/v1/traces", "/v1/logs", "/v1/metrics"],
)  # fmt: skip
@pytest.mark.parametrize(
    "body", [DEEP, WITHIN, WITHIN[1:-1]], ids=["list", "within a list", "within an object"]
)
def test_a_body(client: Client, cast: Cast, path: str, body: str) -> None:
    answer = client.post(path, body, content_type="application/json", headers=cast.bearer)
    assert answer.status_code < 500


@pytest.mark.parametrize(
    ("read", "refusal"),
    [
        (lambda: document.parse(WITHIN), BadBoardError),
        (lambda: editing.move(Board("x"), WITHIN), BadBoardError),
        (lambda: list(carrying.read("scores", lines(WITHIN), "ndjson")), CarryingError),
    ],
)
def test_what_people_type_or_import(read: Callable[[], Any], refusal: type[Exception]) -> None:
    with pytest.raises(refusal, match="recursion depth"):
        read()


class Lines(io.BytesIO):
    """A file of these lines, wherever it lies."""

    def open(self, _: str) -> "Lines":
        return self


def lines(text: str) -> Path:
    return Lines(text.encode())  # type: ignore[return-value] # as far as it is read


def test_an_attribute_of_a_span_stays_the_text_it_is() -> None:
    assert messages.read(WITHIN, "user") == WITHIN


def test_a_text_that_is_shown_stays_the_text_it_is() -> None:
    assert unescaped(DEEP) == DEEP


def test_a_file_of_targets(tmp_path: Path) -> None:
    (tmp_path / "targets.json").write_text(DEEP)
    with pytest.raises(discover.DiscoveryError, match="can't be read"):
        discover._file(tmp_path / "targets.json")


def test_it_is_deeper_than_json_is_read() -> None:
    with pytest.raises(RecursionError):
        json.loads(DEEP)

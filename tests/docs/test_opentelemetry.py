"""The set-up in Python that the manual shows, run with the real SDK against a real server."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection
from pytest_django.live_server_helper import LiveServer

from tests.fixtures.fix_cast import Cast

DOCS = Path(__file__).parents[2] / "templates" / "docs"
PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
# what an instrumentation would do
CALL = """
with trace.get_tracer("client").start_as_current_span("chat m") as span:
    for name, value in {
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-5-mini",
        "gen_ai.usage.input_tokens": 12, "gen_ai.usage.output_tokens": 3, "gen_ai.response.finish_reasons": ["stop"],
    }.items():
        span.set_attribute(name, value)
assert provider.force_flush()
"""


def program_of(page: str) -> str:
    (program,) = PYTHON.findall((DOCS / page).read_text("utf-8"))
    return str(program)


def test_both_languages_show_the_same_program() -> None:
    first, second = (re.sub("#.*", "", program_of(f"opentelemetry.{end}")) for end in ("md", "zh.md"))
    assert first == second


@pytest.mark.django_db(transaction=True)
def test_the_sdk_as_the_manual_sets_it_up_sends_a_call(
    live_server: LiveServer, cast: Cast, own_cache: None
) -> None:
    program = program_of("opentelemetry.md")
    assert "http://127.0.0.1:8000" in program
    program = program.replace("http://127.0.0.1:8000", live_server.url) + CALL
    environment = {**os.environ, "VIGIL_KEY": cast.key}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT model, version, environment, input_tokens FROM monitor_generation WHERE project_id = %s",
            [cast.project.id],
        )
        assert cursor.fetchall() == [("gpt-5-mini", "r8", "production", 12)]

"""The pieces of the senders' page do what the page says: each one runs as it stands there and turns Settings green.

Set VIGIL_SENDERS_PYTHON to an interpreter that has langchain-core and litellm, and their pieces run too.
"""

import http.server
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from django.test import Client
from pytest_django.live_server_helper import LiveServer

from monitor.core import clock
from monitor.ingest.models import ScrapeTarget
from monitor.ingest.scraping import jobs, scrape
from monitor.store.calls import generations
from monitor.store.calls.generations import Filter, GenerationSummary
from tests.fixtures.fix_cast import Cast
from tests.fixtures.fix_product import free_port

pytestmark = pytest.mark.django_db(transaction=True)
DOCS = Path(__file__).parents[2] / "templates" / "docs"
SECTION = re.compile(r"^## (.+)$", re.MULTILINE)
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
OTHERS = os.environ.get("VIGIL_SENDERS_PYTHON", sys.executable)
PATIENCE = 30.0
# the same model streamed, asked asynchronously, and where nobody answers
LITELLM_WAYS = """
import asyncio
list(litellm.completion(messages=question, stream=True, **model))

async def serve():
    await litellm.acompletion(messages=question, **model)
    # a service lives on after it has answered
    await asyncio.sleep(1)

asyncio.run(serve())
try:
    litellm.completion(messages=question, num_retries=0, **{**model, "api_base": "http://127.0.0.1:9/v1"})
except litellm.InternalServerError:
    pass
"""
DELTAS = ("Within ", "30 ", "days.")


class Model(http.server.BaseHTTPRequestHandler):
    """A server that answers as vLLM and SGLang do: chat completions, streamed or whole, and a page of metrics."""

    def do_POST(self) -> None:
        asked, usage = (
            json.loads(self.rfile.read(int(self.headers["content-length"]))),
            {"prompt_tokens": 7, "completion_tokens": 3},
        )
        if not asked.get("stream"):
            message = {"role": "assistant", "content": "".join(DELTAS)}
            choice = {"index": 0, "finish_reason": "stop", "message": message}
            whole = {"id": "1", "object": "chat.completion", "created": 1, "model": asked["model"]}
            self._answer("application/json", json.dumps({**whole, "choices": [choice], "usage": usage}))
            return
        events: list[object] = [{"choices": [{"delta": {"content": text}}]} for text in DELTAS]
        events.append({"choices": [], "usage": usage})
        lines = [f"data: {json.dumps(event)}\n\n" for event in events]
        self._answer("text/event-stream", "".join([*lines, "data: [DONE]\n\n"]))

    def do_GET(self) -> None:
        self._answer(
            "text/plain; version=0.0.4",
            "# TYPE vllm:num_requests_running gauge\nvllm:num_requests_running 3\n",
        )

    def _answer(self, kind: str, text: str) -> None:
        self.send_response(200)
        self.send_header("content-type", kind)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 — the base class names it so
        """Nothing."""


@pytest.fixture
def model() -> Iterator[int]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Model)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def pieces(page: str = "senders.md") -> dict[str, list[tuple[str, str]]]:
    """The fenced pieces of each section."""
    _, *parts = SECTION.split((DOCS / page).read_text("utf-8"))
    return {name: FENCE.findall(text) for name, text in zip(parts[::2], parts[1::2], strict=True)}


@pytest.fixture
def piece(live_server: LiveServer, cast: Cast, own_cache: None) -> Callable[..., str]:
    """A piece with the address and the key of this run in place of the page's."""

    def get(section: str, place: int = 0, **ports: int) -> str:
        text = pieces()[section][place][1].replace("http://127.0.0.1:8000", live_server.url)
        text = text.replace('"KEY"', f'"{cast.key}"').replace("Bearer KEY", f"Bearer {cast.key}")
        text = text.replace("credentials: KEY", f"credentials: {cast.key}")
        for name, port in ports.items():
            text = text.replace(f"127.0.0.1:{name.removeprefix('p')}", f"127.0.0.1:{port}")
        return text

    return get


def run(program: str, folder: Path, python: str = sys.executable) -> str:
    (folder / "piece.py").write_text(program, "utf-8")
    done = subprocess.run(
        [python, "piece.py"], cwd=folder, capture_output=True, text=True, timeout=90, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def eventually(look: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not look():
        assert time.monotonic() < deadline, "nothing arrived"
        time.sleep(0.05)


def stored(cast: Cast) -> list[GenerationSummary]:
    now = clock.now()
    return generations.page(Filter(cast.project.id, clock.from_ms(clock.to_ms(now) - 3_600_000), now))


def assert_green(cast: Cast, client: Client) -> None:
    client.force_login(cast.ada)
    assert 'class="notice good"' in client.get("/p/shop/settings/").content.decode()


def test_both_languages_show_the_same_pieces() -> None:
    assert list(pieces().values()) == list(pieces("senders.zh.md").values())


def test_before_the_first_call_settings_is_not_green(cast: Cast, client: Client, own_cache: None) -> None:
    with pytest.raises(AssertionError):
        assert_green(cast, client)


def test_curl(piece: Callable[..., str], cast: Cast, client: Client) -> None:
    subprocess.run(["bash", "-c", piece("curl")], check=True, capture_output=True, timeout=30)  # noqa: S607 — what people do
    assert stored(cast)[0].prompt == "What is your refund policy?"
    assert_green(cast, client)


@pytest.mark.parametrize("section, place, path", [("FastAPI", 1, "ask"), ("Paddle services", 0, "predict")])
def test_services(
    piece: Callable[..., str], cast: Cast, client: Client, tmp_path: Path, section: str, place: int, path: str
) -> None:
    (tmp_path / "vigil_middleware.py").write_text(piece("FastAPI"), "utf-8")
    (tmp_path / "service.py").write_text(piece(section, place), "utf-8")
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "service:app", "--port", str(port), "--log-level", "warning"]
    service = subprocess.Popen(command, cwd=tmp_path)
    try:
        address = f"http://127.0.0.1:{port}/{path}?question=refunds"
        eventually(lambda: answered(address))
        eventually(lambda: [call for call in stored(cast) if call.output == "Within 30 days."])
        if section == "Paddle services":
            target = ScrapeTarget.objects.create(
                project=cast.project, job="paddle", url=f"http://127.0.0.1:{port}/metrics"
            )
            scrape.run_due(now=clock.now())
            target.refresh_from_db()
            assert target.last_samples
    finally:
        service.send_signal(signal.SIGTERM)
        service.wait(30)
    assert stored(cast)[0].duration_seconds
    assert_green(cast, client)


def answered(address: str) -> bool:
    try:
        with urllib.request.urlopen(urllib.request.Request(address, b"", method="POST"), timeout=5):  # noqa: S310 — loopback
            return True
    except OSError:
        return False


@pytest.mark.parametrize("section, port", [("vLLM", "p8001"), ("SGLang", "p30000")])
def test_pages_of_metrics(
    piece: Callable[..., str], cast: Cast, client: Client, model: int, section: str, port: str
) -> None:
    written = piece(section, **{port: model})
    (entry,) = yaml.safe_load(written)["scrape_configs"]
    (target,) = jobs.load(yaml.safe_dump(entry))[0]["static_configs"][0]["targets"]
    ScrapeTarget.objects.create(project=cast.project, job=entry["job_name"], url=f"http://{target}/metrics")
    scrape.run_due(now=clock.now())
    assert ScrapeTarget.objects.get().last_samples == 1
    assert_green(cast, client)


def test_any_openai_client(
    piece: Callable[..., str], cast: Cast, client: Client, model: int, tmp_path: Path
) -> None:
    assert "Within 30 days." in run(piece("Any OpenAI client", p8001=model), tmp_path)
    (call,) = stored(cast)
    assert (call.input_tokens, call.output_tokens, call.output) == (7, 3, "Within 30 days.")
    assert call.ttft_seconds is not None
    assert_green(cast, client)


def test_langchain(piece: Callable[..., str], cast: Cast, client: Client, tmp_path: Path) -> None:
    if subprocess.run([OTHERS, "-c", "import langchain_core"], capture_output=True, check=False).returncode:
        pytest.skip("needs langchain-core: install it elsewhere and set VIGIL_SENDERS_PYTHON")
    assert "Within 30 days." in run(piece("LangChain"), tmp_path, OTHERS)
    eventually(lambda: stored(cast))
    assert stored(cast)[0].output == "Within 30 days."
    assert_green(cast, client)


def test_litellm(piece: Callable[..., str], cast: Cast, client: Client, model: int, tmp_path: Path) -> None:
    if subprocess.run([OTHERS, "-c", "import importlib.util as u; exit(u.find_spec('litellm') is None)"], check=False).returncode:  # fmt: skip
        pytest.skip("needs litellm: install it elsewhere and set VIGIL_SENDERS_PYTHON")
    (tmp_path / "vigil_report.py").write_text(piece("LiteLLM"), "utf-8")
    ways = piece("LiteLLM", 1, p8001=model) + LITELLM_WAYS
    assert "Within 30 days." in run(ways, tmp_path, OTHERS)
    eventually(lambda: len(stored(cast)) == 4)
    calls = {one.error or ("streamed" if one.ttft_seconds else one.output): one for one in stored(cast)}
    assert set(calls) == {"Within 30 days.", "streamed", "InternalServerError"}
    assert (calls["Within 30 days."].input_tokens, calls["Within 30 days."].output_tokens) == (7, 3)
    assert_green(cast, client)


@pytest.mark.skipif(shutil.which("prometheus") is None, reason="needs Prometheus: apt-get install prometheus")
def test_prometheus(piece: Callable[..., str], cast: Cast, client: Client, tmp_path: Path) -> None:
    port, config = free_port(), tmp_path / "prometheus.yml"
    own = {"job_name": "own", "scrape_interval": "1s", "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}
    written = yaml.safe_load(piece("Prometheus")) | {"scrape_configs": [own]}
    # older ones don't know the setting
    written["remote_write"][0].pop("send_native_histograms")
    config.write_text(yaml.safe_dump(written))
    command = [
        "prometheus", f"--config.file={config}", f"--storage.tsdb.path={tmp_path}", f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=error",
    ]  # fmt: skip
    running = subprocess.Popen(command, cwd=tmp_path)
    try:
        client.force_login(cast.ada)
        eventually(lambda: 'class="notice good"' in client.get("/p/shop/settings/").content.decode())
    finally:
        running.send_signal(signal.SIGTERM)
        running.wait(30)

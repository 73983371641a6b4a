"""A biased judge and 200 labels through a running product: does the corrected interval hold what people would say?

A Vigil of its own gets calls over REST; a judge server on loopback marks them, 0.36 too high and alike to people with
a correlation of 0.48; a person signs in and labels 200 of the calls that the page *Labelling* asks for; rate and
interval are read back over HTTP. Once for each of BENCH_DRAWS (3) judges. One JSON line, then a table.
"""

import json
import os
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen

import numpy as np

from monitor.core import clock
from tests.bench import private
from tests.bench.product import post

DRAWS = int(os.environ.get("BENCH_DRAWS", "3"))
CALLS, LABELS, SEED = 1_000, 200, 7101
MEAN, SPREAD, BIAS, ALIKE = 3.1, 0.93, 0.36, 0.48
LIMIT_WIDTH = 0.25
_ANSWER = re.compile(r"answer number (\d+)\b")
_CALL = re.compile(r'name="call" value="([^"]+)"')
_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


class World:
    """What people would say of each call, and what each judge says."""

    def __init__(self) -> None:
        dice = np.random.default_rng(SEED)
        good = dice.normal(size=CALLS)
        self.people = _whole(MEAN + SPREAD * good)
        noise = dice.normal(size=(DRAWS, CALLS))
        self.judges = _whole(MEAN + BIAS + SPREAD * (ALIKE * good + np.sqrt(1 - ALIKE**2) * noise))
        self.truth = float(_whole(MEAN + SPREAD * dice.normal(size=2_000_000)).mean())


def _whole(marks: np.ndarray) -> np.ndarray:
    return np.clip(np.round(marks), 0, 5)


def reply(world: World, asked: str) -> dict[str, Any]:
    """The mark of the judge that is told to be number so-and-so, as an OpenAI-compatible endpoint answers."""
    draw, call = re.search(r"judge number (\d+)\b", asked), _ANSWER.search(asked)
    assert draw
    assert call
    mark = float(world.judges[int(draw[1]), int(call[1])])
    message = {"role": "assistant", "content": json.dumps({"reason": "as it seems", "score": mark})}
    usage = {"prompt_tokens": 300, "completion_tokens": 20}
    return {
        "model": "biased",
        "choices": [{"message": message, "finish_reason": "stop"}],
        "usage": usage,
    }


@contextmanager
def judge_server(world: World) -> Iterator[str]:
    class Judge(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            asked = self.rfile.read(int(self.headers["content-length"])).decode()
            body = json.dumps(reply(world, asked)).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: Any) -> None:
            """Nothing: every mark would be a line."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Judge)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()


def judged(slug: str, endpoint: str) -> None:
    """Set the judges up, and let them work as the worker does, without its pauses."""
    from monitor.quality import run
    from monitor.quality.models import Judge, JudgeClaim
    from monitor.store.models import Project

    project = Project.objects.get(slug=slug)
    for draw in range(DRAWS):
        Judge.objects.create(
            project=project, name=f"j{draw}", kind="rubric", sample_share=1.0, hourly_budget=4 * CALLS,
            second_share=0.0,
            settings={"url": endpoint, "model": "biased", "criterion": f"You are judge number {draw} ."},
        )  # fmt: skip
    for judge in Judge.objects.filter(project=project):
        for _ in range(3 * CALLS // run.BATCH):
            run.run(judge, now=clock.now())
            if JudgeClaim.objects.filter(judge=judge, state="done").count() >= CALLS:
                break


class Person:
    """Somebody at the browser, signed in."""

    def __init__(self, address: str, slug: str) -> None:
        from django.contrib.auth import get_user_model
        from django.test import Client

        person = get_user_model().objects.create_superuser("rater", "rater@example.com", "long-enough-7101")
        client = Client()
        client.force_login(person)
        self.cookies = {"sessionid": client.cookies["sessionid"].value}
        self.page = f"{address}/p/{slug}/labelling/"

    def get(self, judge: str) -> str:
        with urlopen(self._asked(f"{self.page}?judge={judge}"), timeout=60) as answer:  # noqa: S310 — ours
            for line in answer.headers.get_all("set-cookie") or ():
                name, _, value = line.split(";")[0].partition("=")
                self.cookies[name] = value
            text: str = answer.read().decode()
            return text

    def label(self, judge: str, world: World) -> None:
        """Read what the page asks about, and say what people would say of it."""
        text = self.get(judge)
        call, token, number = _CALL.search(text), _TOKEN.search(text), _ANSWER.search(text)
        assert call
        assert token
        assert number
        form = {
            "csrfmiddlewaretoken": token[1], "do": "label", "judge": judge, "call": call[1],
            "mark": str(int(world.people[int(number[1])])), "reason": "", "correction": "",
        }  # fmt: skip
        with urlopen(self._asked(self.page, urlencode(form).encode()), timeout=60):  # noqa: S310 — ours
            pass

    def _asked(self, url: str, body: bytes | None = None) -> Request:
        said = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return Request(url, body, {"cookie": said, "referer": self.page})  # noqa: S310 — ours


def value(address: str, key: str, expr: str) -> float:
    """The only value of an expression, over HTTP."""
    request = Request(  # noqa: S310 — ours
        f"{address}/api/v1/query?query={quote(expr)}", headers={"authorization": f"Bearer {key}"}
    )
    with urlopen(request, timeout=60) as answer:  # noqa: S310 — ours
        rows = json.loads(answer.read())["data"]["result"]
    assert len(rows) == 1, (expr, rows)
    return float(rows[0]["value"][1])


def read_back(address: str, key: str, judge: str, truth: float) -> dict[str, Any]:
    of = f'llm_quality_mean{{rubric="{judge}",bound="%s"}}'
    low, mean, high = (value(address, key, of % bound) for bound in ("lower", "estimate", "upper"))
    raw = value(
        address, key, f'histogram_avg(sum(increase(llm_score{{score="{judge}",source="judge"}}[1h])))'
    )
    return {
        "judge": judge, "corrected": round(mean, 3), "interval": [round(low, 3), round(high, 3)],
        "raw": round(raw, 3), "holds": low <= truth <= high,
    }  # fmt: skip


def measured(running: private.Private, world: World, endpoint: str) -> list[dict[str, Any]]:
    """Calls in, marks, labels, and what the product then says of each judge."""
    from monitor.quality import rates

    key = running.project("judged", "ingest", "query")
    now = clock.now().timestamp()
    post(running.url, key, "/api/v1/generations", {"generations": [
        {
            "id": f"c{n}", "model": "chat", "version": "v1", "started_at": now - 600 + n / 10,
            "prompt": f"question {n}", "output": f"answer number {n} ",
        }
        for n in range(CALLS)
    ]})  # fmt: skip
    judged("judged", endpoint)
    person = Person(running.url, "judged")
    for draw in range(DRAWS):
        for _ in range(LABELS):
            person.label(f"j{draw}", world)
    rates.tell_all(now=clock.now())
    return [read_back(running.url, key, f"j{draw}", world.truth) for draw in range(DRAWS)]


def main() -> None:
    world = World()
    with private.folder() as data, judge_server(world) as endpoint, private.vigil(Path(data)) as running:
        os.environ |= {
            "VIGIL_DATA": str(data), "VIGIL_DEMO": "0", "DJANGO_SETTINGS_MODULE": "monitor.settings",
        }  # fmt: skip
        import django

        django.setup()
        found = measured(running, world, endpoint)
    covers = sum(one["holds"] for one in found)
    width = float(np.mean([one["interval"][1] - one["interval"][0] for one in found]))
    line = {
        "scenario": "J01", "calls": CALLS, "labels": LABELS, "people": round(world.truth, 3), "draws": found,
        "covers": covers, "width": round(width, 3), "limit": {"width_max": LIMIT_WIDTH},
        "holds": covers >= DRAWS - 1 and width <= LIMIT_WIDTH,
    }  # fmt: skip
    raw = np.mean([one["raw"] for one in found]) - world.truth
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.write("| scenario | labels | raw is off by | interval covers | width | holds |\n")
    sys.stdout.write(
        f"| J01 | {LABELS} | {raw:+.2f} | {covers} of {DRAWS} | {width:.3f} | {line['holds']} |\n"
    )


if __name__ == "__main__":
    main()

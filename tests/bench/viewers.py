"""What several people looking at a live page cost the server: processor seconds and bytes, against the idle server.

    python -m tests.bench.viewers ADDRESS PASSWORD PATH [VIEWERS] [SECONDS]

PATH is a page of a project such as ``/p/demo/dashboards/llm-service/``; ADDRESS that of a running server whose data lie
in ``VIGIL_DATA``. Each viewer asks every five seconds for what changed, as the browser does; new data should be
coming in meanwhile. Prints one JSON line: shares of one core over the idle ones, bytes per page and per refresh.
"""

import gzip
import http.cookiejar
import json
import os
import re
import sys
import threading
import time
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, OpenerDirector, Request, build_opener

REFRESH = 5.0
TICKS = os.sysconf("SC_CLK_TCK")
KINDS = {"granian": "web", "postgres": "postgres", "valkey": "valkey", "celery": "workers"}


class Viewer:
    """One browser: signed in, with the parts that it has."""

    def __init__(self, address: str, password: str, path: str) -> None:
        self.address, self.path = address, path
        self.opener: OpenerDirector = build_opener(HTTPCookieProcessor(http.cookiejar.CookieJar()))
        form = self.get("/login/").decode()
        token = re.search(r'csrfmiddlewaretoken" value="([^"]+)"', form)
        assert token
        body = urlencode(
            {"csrfmiddlewaretoken": token[1], "username": "admin", "password": password}
        ).encode()
        self.opener.open(Request(f"{address}/login/", body, {"Referer": f"{address}/login/"}))  # noqa: S310 — our own server
        self.parts: dict[str, str] = {}
        self.etag = ""
        self.page_bytes = self.open()
        self.refreshes: list[int] = []

    def get(self, path: str, **headers: str) -> bytes:
        """The answer as it travels; what it says is in ``text``."""
        wanted = Request(f"{self.address}{path}", headers={"Accept-Encoding": "gzip", **headers})  # noqa: S310 — as above
        try:
            with self.opener.open(wanted) as answer:
                raw: bytes = answer.read()
                self.etag = answer.headers.get("ETag", "")
                zipped = answer.headers.get("Content-Encoding") == "gzip"
                self.text = gzip.decompress(raw) if zipped else raw
                return self.text if path == "/login/" else raw
        except HTTPError as error:
            if error.code == 304:
                self.text = b""
                return b""
            raise

    def open(self) -> int:
        size = len(self.get(self.path))
        found = re.findall(r'data-(?:part|panel)="([^"]+)"[^>]*?data-digest="([^"]*)"', self.text.decode())
        self.parts = dict(found)
        self.board = 'data-url="' in self.text.decode()
        return size

    def refresh(self) -> None:
        """As the page asks: a board for its panels as JSON, any other page for its parts."""
        parts = ",".join(f"{name}={digest}" for name, digest in self.parts.items())
        headers = {"X-Vigil-Parts": parts} | (
            {"If-None-Match": self.etag} if self.etag and not self.board else {}
        )
        place = self.path.partition("?")
        path = f"{place[0]}data/{place[1]}{place[2]}" if self.board else self.path
        self.refreshes.append(len(self.get(path, **headers)))
        if self.board and self.text:
            fresh: dict[str, Any] = json.loads(self.text)["panels"]
            self.parts |= {name: one["digest"] for name, one in fresh.items()}
        elif self.text:
            self.parts |= dict(re.findall(r'data-part="([^"]+)" data-digest="([^"]*)"', self.text.decode()))


def spent() -> dict[str, float]:
    """Processor seconds of the server so far, by kind of process."""
    top = int((Path(os.environ["VIGIL_DATA"]) / "run" / "up.pid").read_text())
    found = dict.fromkeys([*KINDS.values(), "other"], 0.0)
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(folder.name))
    waiting = [top]
    while waiting:
        pid = waiting.pop()
        waiting += children.get(pid, [])
        try:
            line = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        kind = next((name for word, name in KINDS.items() if word in line), "other")
        # its own, and that of children that are gone
        found[kind] += sum(map(int, fields[11:15])) / TICKS
    return found


def shares(seconds: float) -> dict[str, float]:
    before = spent()
    time.sleep(seconds)
    return {kind: (value - before[kind]) / seconds for kind, value in spent().items()}


def main(address: str, password: str, path: str, viewers: int = 5, seconds: float = 60.0) -> None:
    idle = shares(seconds / 2)
    looking = [Viewer(address, password, path) for _ in range(viewers)]
    over = threading.Event()

    def look(viewer: Viewer, wait: float) -> None:
        over.wait(wait)
        while not over.is_set():
            viewer.refresh()
            over.wait(REFRESH)

    threads = [
        threading.Thread(target=look, args=(one, place * REFRESH / viewers), daemon=True)
        for place, one in enumerate(looking)
    ]
    for thread in threads:
        thread.start()
    busy = shares(seconds)
    over.set()
    sizes = sorted(size for one in looking for size in one.refreshes)
    extra = {kind: round(value - idle[kind], 4) for kind, value in busy.items()}
    print(  # noqa: T201 — a benchmark talks
        json.dumps({
            "bench": "viewers", "path": path, "viewers": viewers, "parts": len(looking[0].parts),
            "core_share_over_idle": round(sum(extra.values()), 4), "by_kind": extra, "idle": {k: round(v, 4) for k, v in idle.items()},
            "page_bytes": looking[0].page_bytes, "refreshes": len(sizes), "refresh_bytes_mean": round(sum(sizes) / max(len(sizes), 1)),
            "refresh_bytes_most": sizes[-1] if sizes else 0,
        })
    )  # fmt: skip


if __name__ == "__main__":
    words = sys.argv[1:]
    main(words[0], words[1], words[2], *(int(one) for one in words[3:]))

"""What the simulated services answer on loopback: their metrics page, the scripted judge and an inbox.

``GET /metrics`` is the page of the classic service; ``POST /v1/chat/completions`` is the judge, in OpenAI's
form; ``POST /inbox`` takes alerts (``GET /inbox`` shows the last of them).
"""

import json
import threading
from collections import deque
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from monitor.management.simulation import judge

INBOX_LENGTH = 50
LARGEST_BODY = 2_000_000
Answer = tuple[int, str, bytes]


class Stage(ThreadingHTTPServer):
    """``page`` gives the text of the metrics page when asked. Port 0 takes any free one."""

    daemon_threads = True

    def __init__(self, page: Callable[[], str], port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.page = page
        self.inbox: deque[Any] = deque(maxlen=INBOX_LENGTH)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Serve in the background until the process ends."""
        threading.Thread(target=self.serve_forever, name="stage", daemon=True).start()

    def stop(self) -> None:
        self.shutdown()
        self.server_close()

    def get(self, path: str) -> Answer:
        if path == "/metrics":
            return 200, "text/plain; version=0.0.4; charset=utf-8", self.page().encode()
        if path == "/inbox":
            return _json(200, list(self.inbox))
        return _json(404, {"error": f"nothing at {path}; there is /metrics and /inbox"})

    def post(self, path: str, body: bytes) -> Answer:
        if path == "/inbox":
            try:
                self.inbox.append(json.loads(body))
            except ValueError:
                return _json(400, {"error": "the body is not JSON"})
            return _json(200, {"status": "ok"})
        if path == "/v1/chat/completions":
            try:
                return _json(200, judge.complete(json.loads(body)))
            except ValueError as error:
                return _json(400, {"error": {"message": str(error), "type": "invalid_request_error"}})
        return _json(404, {"error": f"nothing at {path}; there is /v1/chat/completions and /inbox"})


def _json(status: int, content: object) -> Answer:
    return status, "application/json", json.dumps(content, ensure_ascii=False).encode()


class _Handler(BaseHTTPRequestHandler):
    server: Stage
    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_GET(self) -> None:
        self._say(self.server.get(self.path.partition("?")[0]))

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > LARGEST_BODY:
            self.close_connection = True
            self._say(_json(413, {"error": f"send a Content-Length of at most {LARGEST_BODY}"}))
            return
        self._say(self.server.post(self.path.partition("?")[0], self.rfile.read(int(length))))

    def _say(self, answer: Answer) -> None:
        status, kind, body = answer
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 — the base class names it
        """Quiet: the simulator shares its terminal."""

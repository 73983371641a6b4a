"""The simulator's HTTP client: pushes over the same interfaces as any outside program, until it is heard.

A request that fails is sent again as it was, with the same ids, so that nothing is counted twice. It knows
nothing of the product but addresses and answers.
"""

import http.client
import json
import logging
from collections.abc import Callable
from urllib.parse import urlsplit

from monitor.core.clock import sleep

log = logging.getLogger("vigil.simulate")
FIRST_WAIT, LONGEST_WAIT = 0.5, 20.0
HTTP_OK, HTTP_TOO_MANY, HTTP_SERVER_ERROR = 200, 429, 500


class RefusedError(RuntimeError):
    """The server understood and said no (bad key, bad data): sending again won't help."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Pusher:
    """One keep-alive connection to a Vigil. ``wait`` is told how long to pause between two tries."""

    def __init__(self, url: str, key: str, *, wait: Callable[[float], None] = sleep) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            message = f"{url!r} is not an address; use for example http://127.0.0.1:8000"
            raise ValueError(message)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self.connection = kind(parts.hostname, parts.port, timeout=30)
        self.base = parts.path.rstrip("/")
        self.key = key
        self.wait = wait

    def post(self, path: str, body: bytes, headers: dict[str, str]) -> bytes:
        """Send ``body`` until the server takes it; raises RefusedError when it never will."""
        pause = FIRST_WAIT
        while True:
            status, answer, retry_after = self._try(path, body, headers)
            if status is not None and HTTP_OK <= status < HTTP_OK + 100:
                return answer
            if status is not None and status != HTTP_TOO_MANY and status < HTTP_SERVER_ERROR:
                message = f"POST {path}: {status} {answer[:300].decode(errors='replace')}"
                raise RefusedError(status, message)
            if pause == FIRST_WAIT:
                log.warning("POST %s: %s; trying again until it is taken", path, status or "nobody answers")
            self.wait(max(pause, retry_after))
            pause = min(LONGEST_WAIT, pause * 2)

    def post_json(self, path: str, content: object) -> bytes:
        body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
        return self.post(path, body, {"Content-Type": "application/json"})

    def close(self) -> None:
        self.connection.close()

    def _try(self, path: str, body: bytes, headers: dict[str, str]) -> tuple[int | None, bytes, float]:
        """One attempt: status (None when nobody answered), body, and how long the server asks to wait."""
        sent = {**headers, "Authorization": f"Bearer {self.key}", "User-Agent": "vigil-simulator"}
        try:
            self.connection.request("POST", self.base + path, body=body, headers=sent)
            response = self.connection.getresponse()
            answer = response.read()
        except (OSError, http.client.HTTPException):
            self.connection.close()
            return None, b"", 0.0
        asked = response.headers.get("Retry-After", "")
        return response.status, answer, float(asked) if asked.isdecimal() else 0.0

"""Senders for benchmarks: plain sockets and requests made beforehand, so that the load costs little itself."""

import json
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass
class Result:
    """What one load saw: how long it took, each answer's seconds since it was due, and how many said 503."""

    seconds: float = 0.0
    answered: list[float] = field(default_factory=list)
    accepted: int = 0
    busy: int = 0

    def quantile(self, share: float) -> float:
        ordered = sorted(self.answered)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class Wire:
    """One kept connection, opened anew where the server asks for that."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._open()

    def _open(self) -> None:
        self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=120)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rest = b""

    def ask(self, request: bytes) -> tuple[int, bytes]:
        """Status and body of the answer."""
        self.socket.sendall(request)
        while b"\r\n\r\n" not in self.rest:
            self._more()
        head, _, self.rest = self.rest.partition(b"\r\n\r\n")
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        answer = self._answer(head, fields)
        if fields.get(b"connection") == b"close":
            self.close()
            self._open()
        return answer

    def _answer(self, head: bytes, fields: dict[bytes, bytes]) -> tuple[int, bytes]:
        if head[9:12] == b"204":
            # an answer without a body says no length
            return 204, b""
        if b"content-length" in fields:
            return int(head[9:12]), self._taken(int(fields[b"content-length"]))
        body = b""
        while size := int(self._line(), 16):
            body += self._taken(size)
            self._line()
        self._line()
        return int(head[9:12]), body

    def _taken(self, length: int) -> bytes:
        while len(self.rest) < length:
            self._more()
        taken, self.rest = self.rest[:length], self.rest[length:]
        return taken

    def _line(self) -> bytes:
        while b"\r\n" not in self.rest:
            self._more()
        line, _, self.rest = self.rest.partition(b"\r\n")
        return line

    def _more(self) -> None:
        got = self.socket.recv(65_536)
        if not got:
            message = "the server closed the connection"
            raise ConnectionError(message)
        self.rest += got

    def close(self) -> None:
        self.socket.close()


def request(path: str, key: str, body: bytes, kind: str = "application/json") -> bytes:
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\nUser-Agent: bench\r\n"
        f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def run(port: int, requests: Sequence[bytes], clients: int, *, every: float = 0.0) -> Result:
    """All requests over so many connections; each as soon as it can, or one ``every`` so many seconds."""
    result, lock, following = Result(), threading.Lock(), iter(enumerate(requests))
    started = time.perf_counter()

    def send() -> None:
        wire = Wire(port)
        while True:
            with lock:
                number, one = next(following, (0, b""))
            if not one:
                break
            due = started + number * every if every else time.perf_counter()
            while (early := due - time.perf_counter()) > 0:
                time.sleep(early)
            status, body = wire.ask(one)
            took = time.perf_counter() - due
            with lock:
                _note(result, status, body, took)
        wire.close()

    threads = [threading.Thread(target=send) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    result.seconds = time.perf_counter() - started
    return result


def _note(result: Result, status: int, body: bytes, took: float) -> None:
    if status == 503:
        result.busy += 1
        return
    answer = json.loads(body)
    if status != 200 or answer["rejected"] or answer["duplicates"]:
        message = f"{status}: {str(answer)[:300]}"
        raise RuntimeError(message)
    result.answered.append(took)
    result.accepted += answer["accepted"]

"""Answers on the port of OTLP over gRPC, which Vigil does not take: every call is told where to send instead.

Just enough of HTTP/2 for that: no library, a thread of the supervisor, and nothing is read of what is sent.
"""

import contextlib
import socketserver
import struct
import threading
from urllib.parse import quote

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
UNIMPLEMENTED = "12"
PATIENCE_SECONDS = 30.0
MOST_CONNECTIONS = 32
# types and flags of frames
_HEADERS, _SETTINGS, _PING, _CONTINUATION = 1, 4, 6, 9
_ACK, _END_STREAM, _END_HEADERS = 0x1, 0x1, 0x4
_LONGEST_FRAME = 1 << 20
_STATUS_200 = b"\x88"
_OFF = struct.Struct(">I")


def hint(url: str) -> str:
    """What exporters print."""
    return f"Vigil takes OTLP over HTTP: send it to {url}/v1/traces, /v1/metrics and /v1/logs (http/protobuf)"


class Handler(socketserver.BaseRequestHandler):
    """One connection."""

    server: "HintServer"

    def handle(self) -> None:
        self.request.settimeout(PATIENCE_SECONDS)
        try:
            with contextlib.suppress(OSError, EOFError):
                self._talk()
        finally:
            self.server.places.release()

    def _talk(self) -> None:
        if self._read(len(PREFACE)) != PREFACE:
            text = (self.server.hint + "\n").encode()
            head = f"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\ncontent-length: {len(text)}\r\n"
            self.request.sendall(head.encode() + b"connection: close\r\n\r\n" + text)
            return
        self._send(_SETTINGS, 0, 0, b"")
        while True:
            size, kind, flags, stream = self._frame()
            content = self._read(size)
            if kind == _SETTINGS and not flags & _ACK:
                self._send(_SETTINGS, _ACK, 0, b"")
            elif kind == _PING and not flags & _ACK:
                self._send(_PING, _ACK, 0, content)
            elif kind in {_HEADERS, _CONTINUATION} and flags & _END_HEADERS:
                self._send(_HEADERS, _END_HEADERS | _END_STREAM, stream, self.server.answer)

    def _frame(self) -> tuple[int, int, int, int]:
        head = self._read(9)
        size = int.from_bytes(head[:3], "big")
        if size > _LONGEST_FRAME:
            raise EOFError
        return size, head[3], head[4], _OFF.unpack(head[5:])[0] & 0x7FFFFFFF

    def _read(self, size: int) -> bytes:
        found = b""
        while len(found) < size:
            part = self.request.recv(size - len(found))
            if not part:
                raise EOFError
            found += part
        return found

    def _send(self, kind: int, flags: int, stream: int, content: bytes) -> None:
        head = len(content).to_bytes(3, "big") + bytes((kind, flags)) + _OFF.pack(stream)
        self.request.sendall(head + content)


class HintServer(socketserver.ThreadingTCPServer):
    """Listens from the moment it is made."""

    allow_reuse_address = True
    request_queue_size = 2 * MOST_CONNECTIONS
    daemon_threads = True

    def __init__(self, host: str, port: int, url: str) -> None:
        self.hint = hint(url)
        self.answer = _STATUS_200 + b"".join(
            _literal(name, value)
            for name, value in (
                ("content-type", "application/grpc"),
                ("grpc-status", UNIMPLEMENTED),
                ("grpc-message", quote(self.hint, safe=" :/,()")),
            )
        )
        self.places = threading.BoundedSemaphore(MOST_CONNECTIONS)
        super().__init__((host, port), Handler)

    def verify_request(self, *_: object) -> bool:
        """No more than so many at a time: one beyond is hung up on and costs the supervisor no thread."""
        return self.places.acquire(blocking=False)


def start(host: str, port: int, url: str) -> HintServer:
    """Answer in the background; raises OSError where the port is taken."""
    server = HintServer(host, port, url)
    threading.Thread(target=server.serve_forever, name="grpc-hint", daemon=True).start()
    return server


def _literal(name: str, value: str) -> bytes:
    """A header as HPACK writes it without any table."""
    return b"\x00" + b"".join(_length(len(text)) + text.encode() for text in (name, value))


def _length(size: int) -> bytes:
    if size < 127:
        return bytes((size,))
    found, size = bytearray((127,)), size - 127
    while size > 127:
        found.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes((*found, size))

"""A server that speaks OpenAI's protocol on loopback: chat, streamed or not, tools, embeddings, refusals."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

WORDS = ["Leave ", "can ", "be ", "carried ", "over ", "until ", "31 March."]
ANSWER = "".join(WORDS)
USAGE = {
    "prompt_tokens": 40,
    "completion_tokens": 9,
    "total_tokens": 49,
    "prompt_tokens_details": {"cached_tokens": 16},
    "completion_tokens_details": {"reasoning_tokens": 0},
}
FIRST_WORD_SECONDS = 0.12


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path.endswith("/embeddings"):
            one = {"object": "embedding", "index": 0, "embedding": [0.1, 0.2, 0.3]}
            usage = {"prompt_tokens": 5, "total_tokens": 5}
            self._say({"object": "list", "model": asked["model"], "data": [one], "usage": usage})
        elif asked["model"] == "refused":
            error = {"message": "Rate limit reached", "type": "requests", "code": "rate_limit_exceeded"}
            self._say({"error": error}, 429)
        elif asked.get("stream"):
            self._stream(asked)
        else:
            time.sleep(0.02)
            self._say(_chat(asked))

    def _say(self, content: Any, status: int = 200) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, asked: dict[str, Any]) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        time.sleep(FIRST_WORD_SECONDS)
        for word in WORDS:
            self._event({**_chunk(asked), "choices": [_piece({"role": "assistant", "content": word})]})
            time.sleep(0.01)
        self._event({**_chunk(asked), "choices": [_piece({}, "stop")]})
        if (asked.get("stream_options") or {}).get("include_usage"):
            self._event({**_chunk(asked), "choices": [], "usage": USAGE})
        self.wfile.write(b"data: [DONE]\n\n")
        self.close_connection = True

    def _event(self, content: Any) -> None:
        self.wfile.write(b"data: " + json.dumps(content).encode() + b"\n\n")
        self.wfile.flush()


def _chunk(asked: dict[str, Any]) -> dict[str, Any]:
    made = 1_780_000_000
    return {
        "id": "chatcmpl-2",
        "object": "chat.completion.chunk",
        "created": made,
        "model": f"{asked['model']}-0806",
    }


def _piece(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "finish_reason": finish}


def _chat(asked: dict[str, Any]) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": ANSWER}
    finish = "stop"
    if asked.get("tools"):
        function = {"name": "look_up", "arguments": '{"topic": "leave"}'}
        message = {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "call_1", "type": "function", "function": function}],
        }
        finish = "tool_calls"
    choice = {"index": 0, "message": message, "finish_reason": finish, "logprobs": None}
    return {
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1_780_000_000,
        "model": f"{asked['model']}-0806", "choices": [choice], "usage": USAGE,
    }  # fmt: skip


def started() -> ThreadingHTTPServer:
    """The server, listening on a free port; ``server_address`` says which."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server

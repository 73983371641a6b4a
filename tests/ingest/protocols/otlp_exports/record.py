"""Records what the real instrumentations export, as ``NAME.traces.body`` and so on beside this file.

``python record.py --python PYTHON [NAME ...]``: PYTHON is an environment with opentelemetry-sdk, the OTLP/HTTP
exporter, openai, langfuse and the instrumentations that the names need (see ``drive.py``). ``vercel`` and ``vercel-7``
are driven by Node: ``--node FOLDER`` has the packages that ``drive_vercel.mjs`` names. Run it again to take in newer versions; the
tests then say what has changed.
"""

import argparse
import gzip
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import model_server  # noqa: E402 — found beside this file
from drive import SETUPS  # noqa: E402 — as above

Bodies = list[tuple[str, bytes]]


def sink(bodies: Bodies) -> ThreadingHTTPServer:
    """A collector that keeps what it is sent."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self._body()
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            bodies.append((self.path.rpartition("/")[2], body))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def _body(self) -> bytes:
            """Of the length that was said, or in chunks, as Node's exporter sends it."""
            if "content-length" in self.headers:
                return self.rfile.read(int(self.headers["content-length"]))
            whole = b""
            while size := int(self.rfile.readline(), 16):
                whole += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return whole

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", required=True)
    parser.add_argument("--node", type=Path, default=Path.cwd())
    parser.add_argument("names", nargs="*")
    chosen = parser.parse_args()
    for name in chosen.names or (*SETUPS, "vercel"):
        bodies: Bodies = []
        collector, model = sink(bodies), model_server.started()
        addresses = [f"http://127.0.0.1:{server.server_address[1]}" for server in (collector, model)]
        where = [addresses[0], f"{addresses[1]}/v1"]
        if name.startswith("vercel"):
            drive = ["node", str(HERE / "drive_vercel.mjs"), *where]
            subprocess.run(drive, check=True, cwd=chosen.node)
        else:
            subprocess.run([chosen.python, str(HERE / "drive.py"), name, *where], check=True)
        for kind in ("traces", "logs", "metrics"):
            for place, body in enumerate(body for sort, body in bodies if sort == kind):
                (HERE / f"{name}.{kind}.{place}.body").write_bytes(body)
                print(name, kind, len(body))  # noqa: T201 — it tells what it recorded


if __name__ == "__main__":
    main()

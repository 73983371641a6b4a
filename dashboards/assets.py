"""Style, scripts, and the two libraries out of their wheels: by digest, immutable, compressed once (and once better).

``/assets/DIGEST/NAME``: the digest is of the content, so a browser never asks twice for the same bytes and
never keeps old ones. Nothing is copied into the repository and nothing needs a build step.
"""

import fcntl
import gzip
import hashlib
import mimetypes
import os
import sys
import threading
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import brotli  # type: ignore[import-untyped] # it has no types; one call
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse

OWN = ("app.css", "favicon.svg", "js/main.js")
OWN_FOLDERS = ("", "js")
VENDOR = {
    "plotly.min.js": ("plotly", "package_data/plotly.min.js"),
    "htmx.min.js": ("django_htmx", "static/django_htmx/htmx-2.min.js"),
}
# the best that brotli can do takes 10 s for plotly.js and saves a tenth of it: nobody waits for that, it is made later
QUICK, BEST = 9, 11
LARGE = 500_000
BEST_AFTER_SECONDS = 60.0


def url(name: str) -> str:
    """The address of an asset."""
    return f"/assets/{digest(name)}/{name}"


def serve(request: HttpRequest, wanted: str, name: str) -> HttpResponse:
    """The asset in the best encoding the browser takes; kept for ever when the digest is the current one."""
    if name not in files():
        message = f"no asset is called {name}"
        raise Http404(message)
    encoding = _encoding(request.headers.get("accept-encoding", ""))
    response = HttpResponse(body(name, encoding), content_type=_kind(name))
    if encoding:
        response["Content-Encoding"] = encoding
    response["Vary"] = "Accept-Encoding"
    fresh = wanted == digest(name)
    response["Cache-Control"] = "public, max-age=31536000, immutable" if fresh else "no-cache"
    return response


def files() -> Mapping[str, Path]:
    """Every asset by name."""
    return _files() if not settings.DEBUG else _files.__wrapped__()


@cache
def _files() -> Mapping[str, Path]:
    root = settings.BASE_DIR / "static"
    found = {
        str(path.relative_to(root)): path
        for folder in OWN_FOLDERS
        for path in sorted((root / folder).glob("*.*"))
        if path.suffix in {".css", ".js", ".svg"}
    }
    return found | {name: _package(package) / inside for name, (package, inside) in VENDOR.items()}


def digest(name: str) -> str:
    """Own files share one digest, because their modules import each other by relative paths."""
    if settings.DEBUG:
        return _digest.__wrapped__(name)
    return _digest(name)


@cache
def _digest(name: str) -> str:
    names = [name] if name in VENDOR else [own for own in files() if own not in VENDOR]
    mark = hashlib.blake2b(digest_size=8)
    for one in names:
        mark.update(files()[one].read_bytes())
    return mark.hexdigest()


def body(name: str, encoding: str) -> bytes:
    """The bytes of an asset in an encoding; compressed once per content and kept under the data folder."""
    if not encoding:
        return files()[name].read_bytes()
    kept = settings.VIGIL_DATA / "assets" / f"{digest(name)}-{name.replace('/', '-')}.{encoding}"
    best = kept.with_name(f"{kept.name}.best")
    if encoding == "br" and best.exists():
        return best.read_bytes()
    if not kept.exists():
        _keep(kept, _compress(files()[name].read_bytes(), encoding))
    if encoding == "br" and files()[name].stat().st_size >= LARGE:
        _improve_later(name, best)
    return kept.read_bytes()


_improving: set[Path] = set()


def _improve_later(name: str, best: Path) -> None:
    if best not in _improving:
        _improving.add(best)
        timer = threading.Timer(BEST_AFTER_SECONDS, improve, (name, best))
        timer.daemon = True
        timer.start()


def improve(name: str, best: Path) -> None:
    """Compress as well as can be, in one of all processes, and only while nobody else wants the processor."""
    if sys.platform == "linux":
        # of this thread alone
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
    with best.with_name(f"{best.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        if not best.exists():
            _keep(best, bytes(brotli.compress(files()[name].read_bytes(), quality=BEST, lgwin=24)))


def _keep(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # several processes may compress the same file at first; whole files replace each other
    draft = path.with_suffix(f"{path.suffix}.{hashlib.blake2b(content, digest_size=6).hexdigest()}")
    draft.write_bytes(content)
    draft.replace(path)


def _compress(content: bytes, encoding: str) -> bytes:
    if encoding == "br":
        return bytes(brotli.compress(content, quality=QUICK if len(content) >= LARGE else BEST))
    return gzip.compress(content, 9, mtime=0)


def _encoding(accepted: str) -> str:
    offers = {offer.partition(";")[0].strip() for offer in accepted.split(",")}
    return next((encoding for encoding in ("br", "gzip") if encoding in offers), "")


def _kind(name: str) -> str:
    return "text/javascript; charset=utf-8" if name.endswith(".js") else mimetypes.guess_type(name)[0] or ""


def _package(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        message = f"the {name} package is missing; install the locked dependencies"
        raise FileNotFoundError(message)
    return Path(spec.origin).parent

"""Answers are packed when the client says that it can unpack them: zstd before gzip."""

import functools
from collections.abc import Callable
from typing import Concatenate, ParamSpec

import cramjam
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

P = ParamSpec("P")
# below this, headers and the packing itself cost more than the bytes saved
LEAST_BYTES = 1_400
# quick levels: the answer is packed while somebody waits
ZSTD_LEVEL, GZIP_LEVEL = 1, 1


def packed(view: Callable[Concatenate[HttpRequest, P], HttpResponse]) -> Callable[..., HttpResponse]:
    """The view's answers, packed where that helps."""

    @functools.wraps(view)
    def packing(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        return pack(request, view(request, *args, **kwargs))

    packing.csrf_exempt = getattr(view, "csrf_exempt", False)  # type: ignore[attr-defined] # Django looks for it
    return packing


def pack(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """The same response, its body packed by what the client prefers among what we have."""
    if len(response.content) < LEAST_BYTES or response.has_header("Content-Encoding"):
        return response
    if response.has_header("Vary"):
        patch_vary_headers(response, ["Accept-Encoding"])
    else:
        response["Vary"] = "Accept-Encoding"
    encoding = chosen(request.META.get("HTTP_ACCEPT_ENCODING", ""))
    if encoding == "zstd":
        response.content = bytes(cramjam.zstd.compress(response.content, level=ZSTD_LEVEL))
    elif encoding == "gzip":
        response.content = bytes(cramjam.gzip.compress(response.content, level=GZIP_LEVEL))
    else:
        return response
    response["Content-Encoding"] = encoding
    if response.has_header("Content-Length"):
        response["Content-Length"] = str(len(response.content))
    return response


def chosen(accepted: str) -> str:
    """Zstd or gzip, whichever is wanted more, zstd at equal wish; empty where neither is."""
    wishes = dict(_wish(part) for part in accepted.lower().split(",") if part.strip())
    known = {name: wishes.get(name, 0.0) for name in ("zstd", "gzip")}
    if "x-gzip" in wishes and "gzip" not in wishes:
        known["gzip"] = wishes["x-gzip"]
    # "*" means any: the one that everybody can read
    if "*" in wishes and "gzip" not in wishes:
        known["gzip"] = wishes["*"]
    best = max(known, key=lambda name: known[name])
    return best if known[best] > 0 else ""


def _wish(part: str) -> tuple[str, float]:
    name, _, rest = part.partition(";")
    weight = rest.strip().removeprefix("q=").strip() if rest.strip() else "1"
    try:
        return name.strip(), float(weight)
    except ValueError:
        return name.strip(), 0.0

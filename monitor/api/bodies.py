"""The bytes of a request: read with a limit, decompressed with a limit. A bomb costs no more than the limit."""

import zlib
from collections.abc import Collection
from typing import IO, cast

import cramjam
from django.http import HttpRequest


class BodyError(Exception):
    """A body that can't be taken; ``status`` is the HTTP status that says so."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def headers(request: HttpRequest) -> dict[str, str]:
    """By their names in small letters; Django's own mapping takes several times as long to make."""
    found = {
        name[5:].replace("_", "-").lower(): value
        for name, value in request.META.items()
        if name.startswith("HTTP_")
    }
    own = {
        "content-type": request.META.get("CONTENT_TYPE"),
        "content-length": request.META.get("CONTENT_LENGTH"),
    }
    return found | {name: value for name, value in own.items() if value}


def read(request: HttpRequest, limit: int, *, as_is: Collection[str] = ()) -> bytes:
    """The decompressed body of at most ``limit`` bytes; raises BodyError with 413, 415 or 400.

    A content encoding in ``as_is`` is left to the protocol.
    """
    declared = request.META.get("CONTENT_LENGTH") or ""
    if declared.isdecimal() and int(declared) > limit:
        raise _too_large(limit)
    raw = _stream(request).read(limit + 1)
    if len(raw) > limit:
        raise _too_large(limit)
    encoding = request.META.get("HTTP_CONTENT_ENCODING", "identity").strip().lower()
    if encoding in {"", "identity"} or encoding in as_is:
        return raw
    if encoding in {"gzip", "x-gzip", "deflate"}:
        return _inflate(raw, limit)
    if encoding == "zstd":
        return _zstd(raw, limit)
    message = f"Content-Encoding {encoding[:40]!r} is not known; use gzip, zstd or none"
    raise BodyError(415, message)


def _stream(request: HttpRequest) -> IO[bytes]:
    """The bytes as they come: Django reads as many as were declared, and a chunked body declares none."""
    chunked = "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower()
    return cast("IO[bytes]", request.META["wsgi.input"] if chunked else request)


def _inflate(raw: bytes, limit: int) -> bytes:
    """Gzip (several members too) or zlib."""
    whole = bytearray()
    rest = raw
    while rest:
        inflater = zlib.decompressobj(wbits=47)
        try:
            whole += inflater.decompress(rest, limit + 1 - len(whole))
        except zlib.error as error:
            message = f"the gzip stream is broken: {error}; compress the whole body once"
            raise BodyError(400, message) from error
        if len(whole) > limit:
            raise _too_large(limit)
        if not inflater.eof:
            message = "the gzip stream ends early; send the whole body"
            raise BodyError(400, message)
        rest = inflater.unused_data
    return bytes(whole)


def _zstd(raw: bytes, limit: int) -> bytes:
    room = bytearray(limit + 1)
    try:
        length = cramjam.zstd.decompress_into(raw, room)
    except cramjam.DecompressionError as error:
        if "write whole buffer" in str(error):
            raise _too_large(limit) from error
        message = f"the zstd stream is broken: {error}; compress the whole body once"
        raise BodyError(400, message) from error
    if length > limit:
        raise _too_large(limit)
    return bytes(room[:length])


def _too_large(limit: int) -> BodyError:
    return BodyError(413, f"the body is larger than {limit} bytes, compressed or not; send smaller batches")

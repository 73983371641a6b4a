"""The bytes of a request: read with a limit, decompressed with a limit. A bomb costs no more than the limit."""

import zlib
from collections.abc import Collection, Iterator, Mapping
from typing import IO, Any, cast

import cramjam
from django.http import HttpRequest

# of one body; some tools make one for each 64 KB
MOST_MEMBERS = 2_000
FIRST_PIECE = 1_024
_OWN = {"content-type": "CONTENT_TYPE", "content-length": "CONTENT_LENGTH"}


class BodyError(Exception):
    """A body that can't be taken; ``status`` is the HTTP status that says so."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Headers(Mapping[str, str]):
    """By their names in small letters, and the path as ``x-path``. A protocol asks for one or two of them, so none
    is looked at before.
    """

    __slots__ = ("_meta", "_path")

    def __init__(self, request: HttpRequest) -> None:
        self._meta: Mapping[str, Any] = request.META
        self._path = request.path

    def __getitem__(self, name: str) -> str:
        if name == "x-path":
            return self._path
        value: str | None = self._meta.get(_OWN.get(name) or f"HTTP_{name.replace('-', '_').upper()}")
        if value is None or (not value and name in _OWN):
            raise KeyError(name)
        return value

    def __iter__(self) -> Iterator[str]:
        told = {name[5:].replace("_", "-").lower() for name in self._meta if name.startswith("HTTP_")}
        return iter({"x-path", *told, *(name for name, key in _OWN.items() if self._meta.get(key))})

    def __len__(self) -> int:
        return sum(1 for _ in self)


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
    whole, at = bytearray(), 0
    for _ in range(MOST_MEMBERS):
        if at == len(raw):
            return bytes(whole)
        at = _member(memoryview(raw), at, whole, limit)
    message = f"the gzip stream has more than {MOST_MEMBERS} members; compress the whole body once"
    raise BodyError(400, message)


def _member(raw: memoryview, at: int, whole: bytearray, limit: int) -> int:
    """Inflate what begins there; where it ends. What is handed over is copied, so little at first."""
    inflater, piece = zlib.decompressobj(wbits=47), FIRST_PIECE
    while not inflater.eof:
        part = raw[at : at + piece]
        if not part:
            message = "the gzip stream ends early; send the whole body"
            raise BodyError(400, message)
        try:
            whole += inflater.decompress(part, limit + 1 - len(whole))
        except zlib.error as error:
            message = f"the gzip stream is broken: {error}; compress the whole body once"
            raise BodyError(400, message) from error
        if len(whole) > limit:
            raise _too_large(limit)
        at, piece = at + len(part) - len(inflater.unused_data), piece * 2
    return at


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

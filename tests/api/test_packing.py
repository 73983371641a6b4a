"""Who gets a packed answer, and that it can be unpacked."""

import zlib

import cramjam
import pytest
from django.http import HttpRequest, HttpResponse

from monitor.api.packing import chosen, pack

BODY = b'{"status":"success"}' * 100


def answer(accepted: str, body: bytes = BODY) -> HttpResponse:
    request = HttpRequest()
    request.META["HTTP_ACCEPT_ENCODING"] = accepted
    return pack(request, HttpResponse(body))


@pytest.mark.parametrize(
    "accepted, encoding",
    [
        ("", ""), ("identity", ""), ("gzip", "gzip"), ("zstd", "zstd"), ("gzip, zstd", "zstd"), ("br, gzip;q=0.8", "gzip"),
        ("gzip;q=0", ""), ("zstd;q=0.2, gzip;q=0.9", "gzip"), ("*", "gzip"), ("gzip;q=0, *", ""), ("GZIP", "gzip"),
        ("x-gzip", "gzip"), ("gzip;q=nonsense", ""), ("zstd ; q=0.5", "zstd"),
    ],
)  # fmt: skip
def test_the_client_chooses(accepted: str, encoding: str) -> None:
    assert chosen(accepted) == encoding


def test_gzip_and_zstd_hold_the_same_body() -> None:
    assert zlib.decompress(answer("gzip").content, wbits=31) == BODY
    assert bytes(cramjam.zstd.decompress(answer("zstd").content)) == BODY


def test_caches_are_told_that_it_depends() -> None:
    assert answer("")["Vary"] == answer("gzip")["Vary"] == "Accept-Encoding"


def test_a_short_answer_stays_as_it_is() -> None:
    short = answer("gzip", b"{}")
    assert (short.content, short.has_header("Content-Encoding")) == (b"{}", False)

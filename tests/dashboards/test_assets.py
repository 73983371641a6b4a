import gzip
import threading
from pathlib import Path

import brotli  # type: ignore[import-untyped] # it has no types; one call
import pytest
from django.conf import settings
from django.test import Client

from dashboards import assets


def test_an_asset_with_its_digest_is_kept_for_ever(client: Client) -> None:
    assert "immutable" in client.get(assets.url("app.css"))["cache-control"]


def test_an_old_digest_gets_the_new_bytes_but_is_not_kept(client: Client) -> None:
    assert client.get("/assets/0000/app.css")["cache-control"] == "no-cache"


def test_every_encoding_holds_the_same_bytes(client: Client) -> None:
    plain = client.get(assets.url("htmx.min.js")).content
    br = client.get(assets.url("htmx.min.js"), headers={"accept-encoding": "gzip, br"}).content
    gz = client.get(assets.url("htmx.min.js"), headers={"accept-encoding": "gzip"}).content
    assert plain == brotli.decompress(br) == gzip.decompress(gz)


def test_what_is_large_is_compressed_once_more_when_nobody_waits(
    client: Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "large.js").write_text("".join(f"const a{n} = {n * n};" for n in range(2_000)))
    waiting: list[threading.Timer] = []
    monkeypatch.setattr(settings, "VIGIL_DATA", tmp_path)
    monkeypatch.setattr(assets, "LARGE", 1_000)
    monkeypatch.setattr(assets, "files", lambda: {"large.js": tmp_path / "large.js"})

    def note(timer: threading.Timer) -> None:
        waiting.append(timer)

    monkeypatch.setattr(threading.Timer, "start", note)
    quick, again = (assets.body("large.js", "br") for _ in range(2))
    (timer,) = waiting
    # in a thread of its own, as it makes itself the last in line
    worker = threading.Thread(target=timer.function, args=timer.args)
    worker.start()
    worker.join()
    best = assets.body("large.js", "br")
    assert quick == again
    assert len(best) < len(quick)
    assert brotli.decompress(best) == brotli.decompress(quick)


def test_a_name_outside_the_list_is_refused(client: Client) -> None:
    assert client.get("/assets/x/../../manage.py").status_code == 404


def test_plotly_comes_out_of_its_wheel(client: Client) -> None:
    assert b"plotly.js v" in client.get(assets.url("plotly.min.js")).content[:100]

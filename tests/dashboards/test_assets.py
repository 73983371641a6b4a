import gzip

import brotli  # type: ignore[import-untyped] # it has no types; one call
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


def test_a_name_outside_the_list_is_refused(client: Client) -> None:
    assert client.get("/assets/x/../../manage.py").status_code == 404


def test_plotly_comes_out_of_its_wheel(client: Client) -> None:
    assert b"plotly.js v" in client.get(assets.url("plotly.min.js")).content[:100]
